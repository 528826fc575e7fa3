"""A stage that the team leaves out: planned, recorded and told as such, and on no way to production."""

from pathlib import Path

import pytest

from mlagent.core.artifact import Artifact
from mlagent.engine import courier, skips
from mlagent.engine.planning import plan_now
from mlagent.errors import MlagentError
from mlagent.stages import register
from tests.conftest import Cli
from tests.unit.engine.chain import calls, run, stage, workspace

A, B = stage("a"), stage("b", reads=("a",))
LAST, AFTER = stage("load-test", reads=("b",)), stage("after")
CHAIN = (A, B, LAST, AFTER)
WHY = "no port is free here"
SETS = {"stages.skip": f'{{"load-test": "{WHY}"}}'}


def test_it_does_not_run_and_its_record_gives_the_reason(project: Path) -> None:
    ended = run(project, *CHAIN, sets=SETS)
    assert calls(project) == ["a", "b", "after"]
    assert {name: entry.state for name, entry in ended.run.stages.items()} == {
        "a": "done",
        "b": "done",
        "load-test": "skipped",
        "after": "done",
    }
    entry = ended.run.stages["load-test"]
    assert (entry.summary, entry.key, entry.verdicts) == (WHY, None, ())


def test_a_run_that_skips_is_another_run_and_makes_nothing_anew(project: Path) -> None:
    whole, part = run(project, *CHAIN), run(project, *CHAIN, sets=SETS)
    assert whole.run.run_id != part.run.run_id
    assert calls(project) == ["a", "b", "load-test", "after"]
    assert whole.workspace.named(whole.run.run_id).stages["load-test"].state == "done"


def test_the_plan_says_so_and_ends_after_load_test_on_a_branch_that_is_deployed(project: Path) -> None:
    space = workspace(project, *CHAIN, sets=SETS)
    run_id, steps = plan_now(space)
    told = courier.tell(space, run_id, steps, {"BRANCH_NAME": "main"}, until=None)
    assert [(one.stage, one.state) for one in told.stages] == [("a", "run"), ("b", "run"), ("load-test", "skip")]
    assert (told.past_load_test, told.stages[2].reason, told.stages[2].exit_code) == (False, WHY, 0)
    ended = run(project, *CHAIN, sets=SETS)
    folder = space.run_folder(ended.run.run_id)
    assert "load-test skipped" in courier.describe(ended.run, folder)


def test_a_later_stage_records_it_as_well(project: Path) -> None:
    sets = {"stages.skip": '{"load-test": "later"}'}
    run(project, *CHAIN, sets=sets)
    again = run(project, *CHAIN, sets=sets)
    assert again.run.stages["load-test"].state == "skipped"
    assert skips.of(again.run.facts) == {"load-test": "later"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"a": "slow"}', "a cannot be skipped, b needs what it makes"),
        ('{"a": "slow", "b": "slow"}', "b cannot be skipped, load-test needs what it makes"),
        ('{"c": "slow"}', "'c' is no stage"),
        ('{"a": ""}', "length >= 1"),
        ('{"deploy@staging": "slow"}', "not reached by leaving it out"),
        ('{"approve": "slow"}', "not reached by leaving it out"),
    ],
)
def test_what_may_not_be_skipped_is_refused_by_name(project: Path, value: str, said: str) -> None:
    with pytest.raises(MlagentError, match=said):
        workspace(project, *CHAIN, sets={"stages.skip": value}).given({})


def test_nothing_is_registered_of_such_a_run(project: Path) -> None:
    judged = stage("gate")
    made = stage("onnx", writes=(Artifact("onnx", "onnx.txt", "a model"),))
    said = stage("evaluation", writes=(Artifact("evaluation", "evaluation.txt", "figures"),))
    chain = (made, said, judged, register.STAGE)
    space_sets = {"stages.skip": '{"gate": "the data is not there yet"}'}
    ended = run(project, *chain, sets=space_sets)
    assert ended.run.stages["register"].summary == "nothing is registered of a run that skips a stage (gate)"
    assert ended.workspace.registry.versions("small") == []


def test_a_person_sees_it_in_the_table_the_page_and_the_summary(project: Path, cli: Cli) -> None:
    with (project / "mlpipeline.yaml").open("a") as file:
        file.write("stages: {skip: {check: linted elsewhere}}\n")
    ended = cli("run", "--until", "check", cwd=project)
    assert ended.returncode == 0
    assert [line for line in ended.stdout.splitlines() if line.split()[:2] == ["check", "skipped"]]
    assert "linted elsewhere" in ended.stdout
    assert "/check/1 skip: linted elsewhere" in ended.stderr
    folder = next(path for path in (project / ".mlagent" / "runs").iterdir() if path.is_dir())
    assert "| check | skipped | linted elsewhere |" in (folder / "summary.md").read_text()
    assert "linted elsewhere" in (folder / "report.html").read_text()
    assert "skip" in cli("plan", cwd=project).stdout
