"""Who promotes: a model alone, or images in a registry."""

from pathlib import Path

import pytest

from mlagent.stages import deploy
from tests.good_release import REPOSITORY
from tests.unit.cli.promote.promoting_house import Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


@pytest.fixture
def registry(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Images are pushed, and a policy is there that all of them satisfy."""
    person.env["MLAGENT_REGISTRY_REPOSITORY"] = REPOSITORY
    monkeypatch.setattr(deploy, "verified", lambda *_: None)
    return person
