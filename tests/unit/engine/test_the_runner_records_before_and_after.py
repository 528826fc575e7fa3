"""The plain runner: in order, on verified inputs, written down before and after each step."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent.config.load import load
from mlagent.config.redact import Redactor
from mlagent.config.sections import SHARED
from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.stage import Stage
from mlagent.core.verdict import check, verdict
from mlagent.engine import record
from mlagent.engine.log import open_log
from mlagent.engine.runner import Runner
from mlagent.engine.workspace import Workspace
from mlagent.errors import Bug, GateRefused, InputError, Interrupted, TeamCodeError


class Empty(msgspec.Struct, frozen=True):
    """No keys."""


def make(config: Empty, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    (ctx.work / "x.txt").write_text("made")
    return Outputs(summary="made x")


def stage(name: str, run: Any = make, **more: Any) -> Stage:
    return Stage(name=name, title=name, about=name, config=Empty, run=run, effect="compute", **more)


X = Artifact("x", "x.txt", "a file")
MAKER = stage("maker", writes=(X,))


def runner(project: Path, *stages: Stage) -> Runner:
    settings = load(SHARED | {one.name: one.config for one in stages}, project, {})
    workspace = Workspace(project, settings, stages)
    return Runner(workspace, workspace.begin(fresh=True), stages, open_log("lines", Redactor(), StringIO()))


def on_disk(run: Runner) -> dict[str, Any]:
    return json.loads((run.folder / "run.json").read_text())["stages"]  # type: ignore[no-any-return]


def test_intent_is_on_disk_while_a_stage_runs_and_its_outcome_after(project: Path) -> None:
    seen: list[str] = []

    def look(config: Empty, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        seen.append(json.loads((ctx.work.parent / "run.json").read_text())["stages"]["looker"]["state"])
        return Outputs(summary="looked")

    run = runner(project, stage("looker", look))
    run.run_all()
    assert seen == ["running"]
    assert on_disk(run)["looker"]["state"] == "done"


def test_outputs_are_handed_on_with_their_digests(project: Path) -> None:
    def take(config: Empty, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        return Outputs(summary=f"{inputs['x'].read_text()} {ctx.digests['x'][:7]}")

    run = runner(project, MAKER, stage("taker", take, reads=("x",)))
    run.run_all()
    assert on_disk(run)["taker"]["summary"] == "made sha256:"


def test_an_input_that_changed_on_disk_is_refused(project: Path) -> None:
    run = runner(project, MAKER, stage("taker", reads=("x",)))
    run.run_one(MAKER)
    (run.folder / "maker" / "x.txt").write_text("other")
    with pytest.raises(InputError, match=r"x\.txt is not what the run recorded"):
        run.run_one(run.stages[1])


def test_an_input_that_nobody_made_is_named(project: Path) -> None:
    run = runner(project, MAKER, stage("taker", reads=("x",)))
    with pytest.raises(InputError, match="taker reads 'x', which run"):
        run.run_one(run.stages[1])


def test_running_a_stage_again_forgets_what_later_ones_made_of_it(project: Path) -> None:
    run = runner(project, MAKER, stage("taker", lambda *_: Outputs(summary=""), reads=("x",)))
    run.run_all()
    run.run_one(MAKER)
    assert set(on_disk(run)) == {"maker"}


def test_a_refusal_keeps_its_verdict_and_stops_the_line(project: Path) -> None:
    def judge(config: Empty, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        bad = verdict("gate", [check("m", 0.1, ">=", 0.9, samples=5)], inputs={}, tools={})
        return Outputs(summary="m is bad", verdicts=(bad,), hint="mend m")

    run = runner(project, stage("gate", judge), MAKER)
    with pytest.raises(GateRefused) as refused:
        run.run_all()
    assert refused.value.hint == "mend m"
    assert on_disk(run)["gate"]["state"] == "refused"
    assert on_disk(run)["gate"]["verdicts"][0]["checks"][0]["value"] == 0.1
    assert json.loads((run.folder / "gate" / "verdict-gate.json").read_text())["outcome"] == "fail"
    assert "maker" not in on_disk(run)


@pytest.mark.parametrize(
    ("error", "state"),
    [(TeamCodeError("bad code"), "failed"), (Interrupted(15), "stopped"), (ValueError("x"), "failed")],
)
def test_however_a_stage_ends_the_record_says_so(project: Path, error: BaseException, state: str) -> None:
    def fail(config: Empty, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        (ctx.work / "half").write_text("kept for people to look at")
        raise error

    run = runner(project, stage("failing", fail))
    with pytest.raises(type(error)):
        run.run_all()
    found = on_disk(run)["failing"]
    assert (found["state"], found["outputs"]) == (state, {})
    assert found["ended"]
    assert (run.folder / "failing" / "half").exists()


def test_a_stage_that_does_not_write_what_it_declares_is_a_bug(project: Path) -> None:
    run = runner(project, stage("liar", lambda *_: Outputs(summary=""), writes=(X,)))
    with pytest.raises(Bug, match=r"liar did not write x\.txt"):
        run.run_all()


def test_the_run_is_named_by_source_data_and_configuration_and_nothing_else(project: Path) -> None:
    counted = stage("counted", writes=(X,), sources=("**/*.py",))
    (project / "model.py").write_text("a = 1\n")
    first = runner(project, counted).run.run_id
    (project / "README.md").write_text("hello")
    assert runner(project, counted).run.run_id == first
    names = {first}
    for path, text in (
        ("model.py", "a = 2\n"),
        ("data.csv", "a,y\n1,1\n"),
        ("mlpipeline.yaml", "project: {name: other}\ndata: {path: data.csv, target: y}\n"),
    ):
        (project / path).write_text(text)
        names.add(runner(project, counted).run.run_id)
    assert len(names) == 4


def test_attempts_of_a_run_are_numbered(project: Path) -> None:
    first = runner(project, MAKER)
    first.run_all()
    second = runner(project, MAKER)
    assert (first.run.attempt, second.run.attempt, second.run.stages) == (1, 2, {})


def test_a_record_of_a_newer_mlagent_is_refused(project: Path) -> None:
    run = runner(project, MAKER)
    run.run_all()
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(InputError, match=r"written by a newer mlagent \(schema 2; this one knows 1\)"):
        record.load(run.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}'])
def test_a_damaged_record_is_named(project: Path, text: str) -> None:
    (project / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        record.load(project)
