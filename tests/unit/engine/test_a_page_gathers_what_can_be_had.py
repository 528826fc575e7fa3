"""What a page is made of comes from the run's folder or the store; what cannot be had is a reason, asked for once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mlagent import catalog
from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.engine.record import RunRecord, StageRecord
from mlagent.engine.reporting import gather
from mlagent.errors import InfrastructureError, MlagentError
from mlagent.report.run import Missing, Run
from mlagent.rollout.progress import Moment, Timeline

FILES = {
    "validate-data": {"data-profile": "data-profile.json"},
    "train": {"epochs": "epochs.jsonl"},
    "evaluate": {"evaluation": "evaluation.json"},
    "load-test": {"samples": "samples.npy", "latency": "latency.json"},
}


class Away:
    """A store that is out of reach, or broken in a way nobody foresaw."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, 0

    def get(self, _digest: str, _target: Path) -> None:
        self.asked += 1
        raise self.error


def gathered(store: Away, folder: Path, **changes: Any) -> Run:
    """The parts of a run whose every stage wrote a file, of which the folder may hold some."""
    stages = {}
    for stage, artifacts in FILES.items():
        outputs = {}
        for name, file in artifacts.items():
            path = folder / stage / file
            found = digest.of_file(path) if path.is_file() else digest.of_bytes(file.encode())
            outputs[name] = Stored(file, found, 1)
        stages[stage] = StageRecord(state="done", attempt=1, key=None, parts={}, started="", outputs=outputs)
    record = RunRecord(
        mlagent="0.1",
        run_id="0" * 12,
        attempt=1,
        build=1,
        project="p",
        begun="",
        commit=None,
        dirty=None,
        facts={"accepted-data": digest.of_bytes(b"before")},
        config={"load-test": {"warmup_seconds": 2.0}},
        config_sources={},
        stages=stages,
    )
    workspace = SimpleNamespace(
        stages=catalog.STAGES, store=store, run_folder=lambda _: folder, holder=lambda _: "build node 3"
    )
    return gather(workspace, msgspec.structs.replace(record, **changes))  # type: ignore[arg-type]


def test_a_store_out_of_reach_is_asked_once(tmp_path: Path) -> None:
    store = Away(InfrastructureError("the store does not answer"))
    found = gathered(store, tmp_path)
    assert store.asked == 1
    for part in (found.profile, found.accepted, found.epochs, found.evaluation, found.load):
        assert isinstance(part, Missing)
        assert "cannot be read (the store does not answer)" in part.why


@pytest.mark.parametrize("error", [MlagentError("lost"), OSError("full"), ValueError("odd")])
def test_whatever_fails_is_a_reason(tmp_path: Path, error: Exception) -> None:
    found = gathered(Away(error), tmp_path)
    assert isinstance(found.evaluation, Missing)
    assert str(error) in found.evaluation.why


@pytest.mark.parametrize("written", [b"", b"{}", b"[1]", b"\x93NUMPY", b"nonsense", b"null\n[]"])
def test_whatever_a_file_holds_is_no_exception(tmp_path: Path, written: bytes) -> None:
    for stage, artifacts in FILES.items():
        (tmp_path / stage).mkdir()
        for file in artifacts.values():
            (tmp_path / stage / file).write_bytes(written)
    found = gathered(Away(OSError()), tmp_path)
    for part in (found.profile, found.evaluation, found.load):
        assert isinstance(part, Missing)
        assert "cannot be read" in part.why


def test_what_did_not_run_or_left_nothing_is_said(tmp_path: Path) -> None:
    broken = StageRecord(state="failed", attempt=1, key=None, parts={}, started="")
    found = gathered(Away(OSError()), tmp_path, stages={"train": broken}, facts={})
    assert found.epochs == Missing("train ended as failed and left no epochs")
    assert found.evaluation == Missing("evaluate did not run")
    assert found.accepted == Missing("no other rows were accepted before these")
    assert found.alive == ""


def test_who_holds_a_run_is_asked_only_while_a_stage_is_open(tmp_path: Path) -> None:
    open_ = StageRecord(state="running", attempt=1, key=None, parts={}, started="")
    assert gathered(Away(OSError()), tmp_path, stages={"train": open_}).alive == "build node 3"


@pytest.mark.parametrize(("state", "folder"), [("stopped", "train"), ("running", ".train")])
def test_a_training_that_did_not_end_shows_what_it_told_so_far(tmp_path: Path, state: Any, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "epochs.jsonl").write_bytes(b'{"epoch":1,"train_loss":0.5}\n{"epoch":2,"tr')
    entry = StageRecord(state=state, attempt=1, key=None, parts={}, started="")
    assert gathered(Away(OSError()), tmp_path, stages={"train": entry}).epochs == [{"epoch": 1, "train_loss": 0.5}]
    (tmp_path / folder / "epochs.jsonl").write_bytes(b"nonsense\n")
    assert isinstance(gathered(Away(OSError()), tmp_path, stages={"train": entry}).epochs, Missing)


def test_time_lines_of_rollouts_are_read_of_the_environments_that_were_deployed_to(tmp_path: Path) -> None:
    told = Timeline(
        old="version 7",
        new="version 8",
        moments=(Moment(at=0.5, phase="done", old=0, new=2, wanted=2, event="all answered"),),
    )
    (tmp_path / "deploy@staging").mkdir()
    path = tmp_path / "deploy@staging" / "timeline.json"
    path.write_bytes(msgspec.json.encode(told))
    made = {"timeline@staging": Stored("timeline.json", digest.of_file(path), 1)}
    came = StageRecord(state="undone", attempt=1, key=None, parts={}, started="", outputs=made)
    failed = StageRecord(state="failed", attempt=1, key=None, parts={}, started="")
    found = gathered(Away(OSError()), tmp_path, stages={"deploy@staging": came, "deploy@production": failed})
    assert msgspec.to_builtins(found.rollouts["staging"]) == msgspec.to_builtins(told)
    assert found.rollouts["production"] == Missing("deploy@production ended as failed and left no timeline@production")


@pytest.mark.parametrize("state", ["off", "skipped"])
def test_an_environment_that_is_off_is_not_spoken_of(tmp_path: Path, state: Any) -> None:
    off = StageRecord(state=state, attempt=1, key=None, parts={}, started="")
    assert gathered(Away(OSError()), tmp_path, stages={"deploy@staging": off}).rollouts == {}
