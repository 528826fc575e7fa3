"""The doctor says, for each stage, what is here, what is not, and how to get it."""

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.project import doctor
from mlagent.core.context import Outputs
from mlagent.core.stage import Needs, Package, Stage
from mlagent.engine.doctor import Finding, examine, examine_store
from mlagent.errors import ConfigError
from tests.unit.engine.chain import workspace


def stage(needs: Needs) -> Stage:
    return Stage(
        name="train",
        title="t",
        about="a",
        config=msgspec.Struct,
        run=lambda *_: Outputs(summary=""),
        effect="compute",
        needs=needs,
    )


def test_a_package_that_is_not_installed_is_missing_with_the_extra_that_brings_it() -> None:
    (found,) = examine([stage(Needs(packages=(Package("no_such_package", "worker"),)))])
    assert found == Finding("train", "no_such_package", "missing", "pip install 'mlagent[worker]'")


def test_a_package_that_is_installed_is_found_with_its_version() -> None:
    (found,) = examine([stage(Needs(packages=(Package("msgspec", "worker"),)))])
    assert (found.state, found.detail) == ("found", msgspec.__version__)


@pytest.mark.parametrize(("driver", "state"), [(True, "found"), (False, "optional")])
def test_a_gpu_is_used_where_there_is_one_and_missed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bool, state: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if driver:
        (tmp_path / "nvidia-smi").touch(mode=0o755)
    (found,) = examine([stage(Needs(gpu=True))])
    assert (found.need, found.state) == ("gpu", state)


def test_the_command_fails_when_a_stage_cannot_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "STAGES", (stage(Needs(packages=(Package("no_such_package", "worker"),))),))
    with pytest.raises(ConfigError, match="this machine lacks no_such_package"):
        doctor.main([], standalone_mode=False, obj=App({}, str(tmp_path)))
    assert "pip install 'mlagent[worker]'" in capsys.readouterr().out


@pytest.mark.parametrize(("atomic", "state"), [(True, "found"), (False, "optional")])
def test_a_shared_store_without_conditional_writes_is_said(project: Path, atomic: bool, state: str) -> None:
    space = workspace(project, sets={"store.url": "s3://bucket"})
    space.__dict__["store"] = SimpleNamespace(atomic_swap=atomic)
    found = examine_store(space)
    assert (found.state, found.need) == (state, "conditional writes")
    assert examine_store(workspace(project)).need == "one machine"
