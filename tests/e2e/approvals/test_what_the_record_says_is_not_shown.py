"""Teams' nodes can write into the store, where the notes of the stage lie: people are not shown what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.approvals.office import Answer, Build, Office


def edit(here: Office, **changes: Any) -> None:
    """Write into the question that waits, as whoever can write to the store may."""
    (file,) = (
        one
        for one in (here.store / "named").rglob("*")
        if one.is_file() and b'"approve@production"' in one.read_bytes()
    )
    told = json.loads(file.read_text())
    (notes,) = told["stages"]["approve@production"]["notes"].values()
    notes["question"].update(changes)
    file.unlink()
    file.write_text(json.dumps(told))


def shown(build: Build) -> dict[str, Any]:
    """What it asks, given again without an answer."""
    ended = build.approve()
    assert ended.returncode == 21, ended.stderr
    told: dict[str, Any] = json.loads((build.office.folder / "said.json").read_text())["ask"]
    return told


LATE = "2099-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "production-of-mine", "message": "Approve version 9, ROC AUC 0.999?"},
        {"id": "production-of-mine", "approvers": ["ann", "mallory"], "expires": LATE},
    ],
)
def test_it_is_asked_anew_by_what_is_so(here: Office, changes: dict[str, Any]) -> None:
    build = here.build(12)
    build.ask()
    edit(here, **changes)
    told = shown(build)
    assert told["message"].startswith("Approve insurance-risk version 1")
    assert "0.999" not in told["message"]
    assert told["submitter"] == "ann,bob,root"
    assert told["minutes"] <= 1440


@pytest.mark.parametrize("changes", [{"expires": LATE}, {"approvers": ["ann", "mallory"]}, {"count": 9}])
def test_an_answer_to_what_was_not_asked_is_none(here: Office, changes: dict[str, Any]) -> None:
    build = here.build(12)
    build.ask()
    assert build.person("ann", "approve").returncode == 0
    edit(here, **changes)
    here.refused(build.approve(Answer(by="ann")), 12, "was changed in the store")
    assert here.facts("approved") == []


def test_a_name_that_leads_out_of_the_folder_writes_nothing(here: Office, tmp_path: Path) -> None:
    build = here.build(12)
    build.ask()
    assert build.person("ann", "approve").returncode == 0
    edit(here, id="../" * 30 + str(tmp_path / "elsewhere")[1:])
    here.refused(build.approve(Answer(by="ann")), 12, "was changed in the store")
    assert list(tmp_path.glob("elsewhere*")) == []
