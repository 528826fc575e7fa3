"""The runner: in order, on verified inputs, written down before and after each step."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.verdict import check, verdict
from mlagent.engine import courier, record
from mlagent.engine.runner import Runner
from mlagent.errors import (
    Bug,
    GateRefused,
    Inconclusive,
    InfrastructureError,
    InputError,
    Interrupted,
    Invalid,
    TeamCodeError,
)
from tests.unit.engine.chain import Knob, calls, run, runner, stage

MAKER = stage("maker")
TAKER = stage("taker", reads=("maker",))


def on_disk(one: Runner) -> dict[str, Any]:
    return json.loads((one.folder / "run.json").read_text())["stages"]  # type: ignore[no-any-return]


def test_intent_is_on_disk_while_a_stage_runs_and_its_outcome_after(project: Path) -> None:
    seen: list[str] = []

    def look(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        seen.append(json.loads((ctx.work.parent / "run.json").read_text())["stages"]["looker"]["state"])
        return Outputs(summary="looked")

    one = run(project, stage("looker", look))
    assert seen == ["running"]
    assert on_disk(one)["looker"]["state"] == "done"


def test_outputs_are_handed_on_with_their_digests(project: Path) -> None:
    def take(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        return Outputs(summary=f"{inputs['maker'].read_text()}{ctx.digests['maker'][:7]}")

    one = run(project, MAKER, stage("taker", take, reads=("maker",)))
    assert on_disk(one)["taker"]["summary"] == "maker 0 sha256:"


def test_a_second_run_reuses_everything_and_says_who_made_it(project: Path) -> None:
    first = run(project, MAKER, TAKER)
    assert calls(project) == ["maker", "taker"]
    second = run(project, MAKER, TAKER)
    assert calls(project) == []
    assert second.run.attempt == 2
    assert on_disk(second)["taker"]["outputs"] == on_disk(first)["taker"]["outputs"]


def test_another_run_reuses_what_its_changes_do_not_touch(project: Path) -> None:
    first = run(project, MAKER, TAKER)
    calls(project)
    other = run(project, MAKER, TAKER, sets={"taker.knob": 1})
    assert calls(project) == ["taker"]
    assert other.run.run_id != first.run.run_id
    assert on_disk(other)["maker"]["reused_from"] == first.run.run_id


def test_a_file_of_this_run_that_changed_on_disk_is_fetched_from_the_store(project: Path) -> None:
    one = run(project, MAKER)
    (one.folder / "maker" / "maker.txt").write_text("changed behind its back")
    two = run(project, MAKER, TAKER)
    assert (two.folder / "taker" / "taker.txt").read_text() == "taker 0 maker 0 "


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_lost_blob_is_reported_dropped_and_made_anew(project: Path, damage: str) -> None:
    one = run(project, MAKER)
    (one.folder / "maker" / "maker.txt").unlink()
    (blob,) = (
        path
        for path in (project / ".mlagent" / "store").rglob("*")
        if path.is_file() and path.read_bytes() == b"maker 0 "
    )
    blob.chmod(0o644)
    blob.unlink() if damage == "gone" else blob.write_bytes(b"maker 1 ")
    calls(project)
    two = run(project, MAKER, TAKER)
    assert calls(project) == ["maker", "taker"]
    assert (two.folder / "taker" / "taker.txt").read_text() == "taker 0 maker 0 "


def test_a_refusal_keeps_its_verdict_stops_the_line_and_is_a_refusal_again(project: Path) -> None:
    asked: list[int] = []

    def judge(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append(1)
        bad = verdict("gate", [check("m", 0.1, ">=", 0.9, samples=5)], inputs={}, tools={})
        return Outputs(summary="m is bad", verdicts=(bad,), hint="mend m")

    gate = stage("gate", judge)
    for _ in range(2):
        one = runner(project, gate, MAKER)
        with pytest.raises(GateRefused) as refused:
            one.run_all()
        one.lease.release()
        assert refused.value.hint == "mend m"
        assert on_disk(one)["gate"]["state"] == "refused"
        assert on_disk(one)["gate"]["verdicts"][0]["checks"][0]["value"] == 0.1
        assert "maker" not in on_disk(one)
    assert asked == [1]
    assert json.loads((one.folder / "gate" / "verdict-gate.json").read_text())["outcome"] == "fail"


def test_an_inconclusive_verdict_is_never_reused(project: Path) -> None:
    asked: list[int] = []

    def judge(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append(1)
        return Outputs(summary="", verdicts=(verdict("gate", [], inputs={}, tools={}),))

    for _ in range(2):
        with pytest.raises(Inconclusive):
            run(project, stage("gate", judge))
    assert asked == [1, 1]


def test_an_invalid_measurement_is_never_reused_and_recorded_as_that(project: Path) -> None:
    asked: list[int] = []

    def judge(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append(1)
        void = msgspec.structs.replace(check("m", 0.1, "<=", 0.9, samples=5), outcome="invalid")
        return Outputs(summary="", verdicts=(verdict("gate", [void], inputs={}, tools={}),))

    gate = stage("gate", judge)
    for _ in range(2):
        one = runner(project, gate, MAKER)
        with pytest.raises(Invalid, match="gate is invalid"):
            one.run_all()
        one.lease.release()
        assert on_disk(one)["gate"]["state"] == "invalid"
        assert "maker" not in on_disk(one)
        assert "gate invalid" in courier.describe(one.run, one.folder)
    assert asked == [1, 1]


@pytest.mark.parametrize(
    ("error", "state"),
    [(TeamCodeError("bad code"), "failed"), (Interrupted(15), "stopped"), (ValueError("x"), "failed")],
)
def test_however_a_stage_ends_the_record_says_so_and_it_runs_again(
    project: Path, error: BaseException, state: str
) -> None:
    asked: list[int] = []

    def fail(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append(1)
        (ctx.work / "half").write_text("kept for people to look at")
        raise error

    for _ in range(2):
        one = runner(project, stage("failing", fail))
        with pytest.raises(type(error)):
            one.run_all()
        one.lease.release()
    found = on_disk(one)["failing"]
    assert (found["state"], found["outputs"]) == (state, {})
    assert found["ended"]
    assert (one.folder / "failing" / "half").exists()
    assert asked == [1, 1]


def test_only_what_is_worth_a_retry_is_tried_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlagent.engine.runner.BACKOFF_SECONDS", 0.001)
    asked: list[str] = []

    def flaky(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append("flaky")
        if len(asked) < 3:
            raise InfrastructureError("the network went away")
        return Outputs(summary="came through")

    def broken(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append("broken")
        raise TeamCodeError("bad code")

    with pytest.raises(TeamCodeError):
        run(project, stage("flaky", flaky, retries=2), stage("broken", broken, retries=2))
    assert asked == ["flaky", "flaky", "flaky", "broken"]


def test_a_stage_that_does_not_write_what_it_declares_is_a_bug(project: Path) -> None:
    liar = stage("liar", lambda *_: Outputs(summary=""), writes=(Artifact("x", "x.txt", "a file"),))
    with pytest.raises(Bug, match=r"liar did not write x\.txt"):
        run(project, liar)


def test_a_part_of_the_chain_stands_on_what_is_there(project: Path) -> None:
    one = runner(project, MAKER, TAKER)
    with pytest.raises(InputError, match="what maker makes is not there") as refused:
        one.run_all(start=TAKER)
    assert "mlagent plan" in refused.value.hint
    one.run_all(until=MAKER)
    assert calls(project) == ["maker"]
    one.run_all(start=TAKER, until=TAKER)
    one.lease.release()
    assert calls(project) == ["taker"]


def test_a_stage_that_needs_nothing_of_those_before_it_runs_alone(project: Path) -> None:
    alone = stage("alone")
    one = runner(project, MAKER, alone)
    one.run_all(start=alone)
    one.lease.release()
    assert calls(project) == ["alone"]


def test_force_runs_what_is_known_and_what_comes_of_it_is_still_reused(project: Path) -> None:
    run(project, MAKER, TAKER)
    calls(project)
    run(project, MAKER, TAKER, force={"maker": "nonce"})
    assert calls(project) == ["maker"]


def test_the_run_is_named_by_source_data_and_configuration_and_nothing_else(project: Path) -> None:
    counted = stage("counted", sources=("**/*.py", "!tests/**"))

    def name(**sets: object) -> str:
        return run(project, counted, sets=sets).run.run_id

    (project / "model.py").write_text("a = 1\n")
    first = name()
    (project / "README.md").write_text("hello")
    (project / "tests").mkdir()
    (project / "tests" / "test_model.py").write_text("")
    assert name(**{"tracking.username": "other"}) == first
    names = {first, name(**{"counted.knob": 1})}
    for path, text in (("model.py", "a = 2\n"), ("data.csv", "a,y\n1,1\n")):
        (project / path).write_text(text)
        names.add(name())
    assert len(names) == 4


def git(project: Path, *args: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *args], cwd=project, check=True, capture_output=True)


def test_commit_and_dirty_tree_are_said_and_change_nothing(project: Path) -> None:
    bare = run(project, MAKER).run
    assert (bare.commit, bare.dirty) == (None, None)
    git(project, "init")
    git(project, "add", "mlpipeline.yaml", "data.csv")
    git(project, "commit", "-m", "first")
    (project / "calls").unlink()
    clean = run(project, MAKER).run
    (project / "README.md").write_text("new")
    dirty = run(project, MAKER).run
    assert len(clean.commit or "") == 40
    assert (clean.dirty, dirty.dirty, dirty.commit) == (False, True, clean.commit)
    assert {one.run_id for one in (bare, clean, dirty)} == {bare.run_id}
    assert calls(project) == []


def test_the_reading_of_an_observing_stage_holds_until_its_verdict_expires(project: Path) -> None:
    asked: list[int] = []

    def read(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        asked.append(1)
        good = check("m", 1.0, ">=", 0.5, samples=5)
        until = "2000-01-01" if config.knob else "2999-01-01"
        return Outputs(summary="", verdicts=(verdict("v", [good], inputs={}, tools={}, valid_until=until),))

    meter = stage("meter", read, effect="observe")
    for _ in range(2):
        run(project, meter)
    assert len(asked) == 1
    for _ in range(2):
        run(project, meter, sets={"meter.knob": 1})
    assert len(asked) == 3


def test_every_run_takes_the_next_build_number_and_keeps_it(project: Path) -> None:
    builds = [run(project, MAKER, sets={"maker.knob": knob}).run.build for knob in (0, 1, 0, 2)]
    assert builds == [1, 2, 1, 3]


def test_a_record_of_a_newer_mlagent_is_refused() -> None:
    with pytest.raises(InputError, match=r"written by a newer mlagent \(schema 2; this one knows 1\)"):
        record.decode(b'{"schema_version": 2}', "run.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"schema_version": 1}'])
def test_a_damaged_record_is_named(text: bytes) -> None:
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        record.decode(text, "run.json")
