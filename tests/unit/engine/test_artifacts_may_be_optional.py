"""An artifact that its maker may leave out, and the folder that outlives an interrupted attempt."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.engine.runner import Runner
from mlagent.errors import Interrupted
from tests.unit.engine.chain import Knob, calls, run, runner, stage


def make(config: Knob, _inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    (ctx.work / "always.txt").write_text("always")
    if config.knob:
        (ctx.work / "extra.txt").write_text(f"extra {config.knob}")
    return Outputs(summary="")


def take(_config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    assert set(ctx.digests) == set(inputs)
    (ctx.project / "calls").write_text("taker")
    return Outputs(summary=" ".join(sorted(inputs)))


ALWAYS, EXTRA = Artifact("always", "always.txt", "a text"), Artifact("extra", "extra.txt", "another", optional=True)
MAKER = stage("maker", make, writes=(ALWAYS, EXTRA))
TAKER = stage("taker", take, reads=("always", "extra"))


def outcome(project: Path, knob: int) -> tuple[str, bool]:
    """What the reader was given, and whether it was reused."""
    one = run(project, MAKER, TAKER, sets={"maker.knob": knob})
    return one.run.stages["taker"].summary, not calls(project)


def test_who_reads_it_runs_without_it_and_again_with_it(project: Path) -> None:
    assert outcome(project, 0) == ("always", False)
    assert outcome(project, 1) == ("always extra", False)
    assert outcome(project, 2) == ("always extra", False)
    assert outcome(project, 0) == ("always", True)
    assert outcome(project, 1) == ("always extra", True)


def test_a_plan_knows_that_it_was_left_out(project: Path) -> None:
    one = run(project, MAKER, TAKER)
    again = runner(project, MAKER, TAKER)
    try:
        steps = [again._step(MAKER)]
        again._adopt(MAKER, steps[0])
        steps.append(again._step(TAKER))
    finally:
        again.lease.release()
    assert [step.state for step in steps] == ["reuse", "reuse"]
    assert steps[1].parts["input extra"] == "none"
    assert one.run.stages["taker"].parts == steps[1].parts


def leave(config: Knob, _inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    mark = ctx.kept / "mark"
    if config.knob < 10 and not mark.exists():
        mark.write_text("half-way")
        raise Interrupted(2)
    return Outputs(summary=mark.read_text() if mark.exists() else "from the start")


LEAVER = stage("leaver", leave)


def leavers(project: Path, knob: int) -> Runner:
    return run(project, LEAVER, sets={"leaver.knob": knob})


def test_what_an_interrupted_attempt_kept_is_there_for_the_next(project: Path) -> None:
    with pytest.raises(Interrupted):
        leavers(project, 1)
    done = leavers(project, 1)
    assert done.run.stages["leaver"].summary == "half-way"
    assert not list(done.folder.glob(".leaver-kept*"))


def test_what_other_work_kept_is_not(project: Path) -> None:
    with pytest.raises(Interrupted):
        leavers(project, 1)
    assert leavers(project, 11).run.stages["leaver"].summary == "from the start"
