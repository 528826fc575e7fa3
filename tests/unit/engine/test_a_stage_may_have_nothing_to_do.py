"""A stage that the configuration gives nothing to do is off: planned, recorded and told as such, and a run like any."""

from pathlib import Path

import pytest

from mlagent.core.artifact import Artifact
from mlagent.engine import courier, summary
from mlagent.engine.planning import plan_now
from tests.unit.engine.chain import calls, run, stage, workspace

PACKED = (Artifact("packed", "packed.txt", "an image", optional=True),)


def packs(config: object, inputs: object, ctx: object) -> object:
    raise AssertionError(config, inputs, ctx)


A = stage("a")
PACK = stage("pack", run=packs, reads=("a",), writes=PACKED, wants=("registry.repository", "registry.ca"))
LAST = stage("load-test", reads=("a", "packed"), effect="observe")
CHAIN = (A, PACK, LAST)
WHY = "registry.repository and registry.ca not set"


def test_it_does_not_run_its_record_says_why_and_what_reads_it_goes_without(project: Path) -> None:
    ended = run(project, *CHAIN)
    assert calls(project) == ["a", "load-test"]
    assert {name: entry.state for name, entry in ended.run.stages.items()} == {
        "a": "done",
        "pack": "off",
        "load-test": "done",
    }
    entry = ended.run.stages["pack"]
    assert (entry.summary, entry.key, entry.outputs) == (WHY, None, {})


def test_what_reads_it_is_reused_the_next_time(project: Path) -> None:
    run(project, *CHAIN)
    run(project, *CHAIN)
    assert calls(project) == ["a", "load-test"]
    _, steps = plan_now(workspace(project, *CHAIN))
    assert [step.state for step in steps] == ["reuse", "off", "reuse"]


@pytest.mark.parametrize("key", PACK.wants)
def test_one_of_the_keys_it_wants_is_enough(project: Path, key: str) -> None:
    _, steps = plan_now(workspace(project, *CHAIN, sets={key: "ghcr.io/a/b"}))
    assert [step.state for step in steps] == ["run", "run", "run"]


def test_a_branch_that_is_deployed_goes_past_load_test_all_the_same(project: Path) -> None:
    space = workspace(project, *CHAIN, stage("after"))
    run_id, steps = plan_now(space)
    told = courier.tell(space, run_id, steps, {"BRANCH_NAME": "main"}, until=None)
    assert told.past_load_test
    assert [(one.stage, one.state, one.exit_code) for one in told.stages][1:3] == [
        ("pack", "off", 0),
        ("load-test", "run", 0),
    ]
    ended = run(project, *CHAIN)
    assert "pack" not in courier.describe(ended.run, space.run_folder(ended.run.run_id))


def test_the_summary_counts_the_others(project: Path) -> None:
    ended = run(project, *CHAIN)
    assert "2 stages done" in summary.text(ended.workspace, ended.run)
