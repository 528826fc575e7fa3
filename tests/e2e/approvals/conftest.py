"""One signed release in staging, and for each test a copy of it with a controller of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.approvals.office import Office, office
from tests.e2e.rollout import bed as beds
from tests.e2e.rollout.bed import Bed
from tests.jenkins_double import serving
from tests.parts.registry import Registry


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> tuple[Bed, Path]:
    """Built, signed and promoted to staging, which asks nobody."""
    folder = tmp_path_factory.mktemp("staged")
    bed = beds.first(folder, registry, {"MLAGENT_TRAIN_EPOCHS": "2"})
    ended = bed.mlagent(bed.one, "promote", "--env", "staging", env={"MLAGENT_POLICY_FILE": str(bed.policy)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    shutil.move(bed.one, folder / "project")
    return bed, folder


@pytest.fixture
def here(staged: tuple[Bed, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    bed, folder = staged
    for name in ("TEAM_PASSWORD", "PATH"):  # for what a test itself asks of registry and cosign
        monkeypatch.setenv(name, bed.env[name])
    with serving(harness=True) as double:
        yield office(bed, folder, tmp_path, double)
