"""Each stage is a command of its own in Jenkins: the one after `push` reads what `push` wrote, and pushes nothing."""

from pathlib import Path

import pytest

from mlagent.errors import InputError
from tests.unit.engine.chain import calls, run, runner, stage

MADE = stage("made")
PUSHED = stage("push", reads=("made",), effect="publish")
SIGNED = stage("sign", reads=("made", "push"), effect="publish")
CHAIN = (MADE, PUSHED, SIGNED)


def alone(project: Path, **knobs: int) -> None:
    """`mlagent sign`."""
    one = runner(project, *CHAIN, sets={f"{name}.knob": value for name, value in knobs.items()})
    try:
        one.run_all(SIGNED, SIGNED)
    finally:
        one.lease.release()


def test_it_is_asked_again_by_each_whole_run_and_by_no_stage_after_it(project: Path) -> None:
    run(project, *CHAIN)
    run(project, *CHAIN)
    assert calls(project) == ["made", "push", "sign", "push", "sign"]
    alone(project)
    assert calls(project) == ["sign"]


def test_what_was_published_of_something_else_does_not_stand(project: Path) -> None:
    run(project, *CHAIN)
    with pytest.raises(InputError, match="what made makes is not there"):
        alone(project, made=7)
    with pytest.raises(InputError, match="what push makes is not there"):
        alone(project, push=7)
