"""`deploy@staging` is a stage of its own; what it does in the world is noted as it goes, held, undone, and stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlagent.core.context import Context, Outputs
from mlagent.core.verdict import check, verdict
from mlagent.errors import Held, PolicyRefused, RolledBack
from tests.unit.engine.chain import Knob, calls, copy, run, runner, stage

BAD = verdict("soak@staging", [check("errors", 0.5, "<=", 0.01, samples=100)], inputs={}, tools={})
MADE = stage("made")
DEPLOY = stage("deploy@staging", reads=("made",), effect="converge", section="staging", environment="staging")
SOAK = stage(
    "soak@staging",
    reads=("deploy@staging",),
    effect="observe",
    section="staging",
    environment="staging",
    ignores={"knob"},
)


def test_its_settings_stand_in_the_section_of_the_environment_and_its_command_names_it(project: Path) -> None:
    assert (DEPLOY.settings, DEPLOY.verb, DEPLOY.command) == ("staging", "deploy", "deploy --env staging")
    assert (MADE.settings, MADE.verb, MADE.command) == ("made", "made", "made")
    record = run(project, MADE, DEPLOY, sets={"staging.knob": 5}).run
    assert (project / ".mlagent/runs" / record.run_id / "deploy@staging/deploy@staging.txt").read_text() == (
        "deploy@staging 5 made 0 "
    )


def test_what_was_done_stands_for_the_stages_after_it_and_is_done_again_by_each_whole_run(project: Path) -> None:
    run(project, MADE, DEPLOY, SOAK)
    assert calls(project) == ["made", "deploy@staging", "soak@staging"]
    alone = runner(project, MADE, DEPLOY, SOAK)
    alone.run_all(SOAK, SOAK)
    alone.lease.release()
    assert calls(project) == []
    run(project, MADE, DEPLOY, SOAK)
    assert calls(project) == ["deploy@staging"], "to nothing new: the soak's reading stands"


def test_what_a_stage_ignores_makes_no_other_result(project: Path) -> None:
    parts = [runner_parts(project, knob) for knob in (0, 7)]
    assert parts[0] == parts[1]
    assert not any("knob" in name for name in parts[0])


def runner_parts(project: Path, knob: int) -> Mapping[str, str]:
    one = run(project, MADE, DEPLOY, SOAK, sets={"staging.knob": knob} if knob else {})
    return {name: value for name, value in one.run.stages["soak@staging"].parts.items() if not name.startswith("input")}


def test_what_is_missing_on_the_way_is_refused_as_the_policy_would(project: Path) -> None:
    run(project, MADE)
    one = runner(project, MADE, DEPLOY, SOAK)
    with pytest.raises(PolicyRefused, match="deploy@staging has not passed") as caught:
        one.run_all(SOAK, SOAK)
    one.lease.release()
    assert "mlagent deploy --env staging" in caught.value.hint


def test_what_it_notes_is_kept_at_once_and_given_to_its_next_attempt(project: Path) -> None:
    recalled: list[Mapping[str, object]] = []

    def acts(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        recalled.append(ctx.recall())
        ctx.remember({"phase": f"step {len(recalled)}"})
        if len(recalled) == 1:
            raise Held("not over", seconds=60)
        return copy(config, inputs, ctx)

    acting = stage("deploy@staging", acts, writes=DEPLOY.writes, effect="converge", environment="staging")
    with pytest.raises(Held):
        run(project, acting)
    kept = runner(project, acting)
    kept.lease.release()
    assert kept.run.stages["deploy@staging"].state == "held"
    assert kept.run.stages["deploy@staging"].notes == {"phase": "step 1"}
    run(project, acting)
    assert recalled == [{}, {"phase": "step 1"}]


def test_what_was_undone_ends_so_with_its_verdict_kept(project: Path) -> None:
    def acts(_config: Knob, _inputs: Mapping[str, Path], _ctx: Context) -> Outputs:
        return Outputs(summary="went back", verdicts=(BAD,), undone="version 2 was bad: version 1 serves", hint="see")

    soak = stage("soak@staging", acts, writes=(), effect="observe", environment="staging")
    with pytest.raises(RolledBack, match="version 1 serves"):
        run(project, MADE, soak)
    one = runner(project, MADE, soak)
    one.lease.release()
    entry = one.run.stages["soak@staging"]
    assert (entry.state, entry.verdicts) == ("undone", (BAD,))
    assert (project / ".mlagent/runs" / one.run.run_id / "soak@staging/verdict-soak@staging.json").is_file()


def test_looking_at_what_it_would_be_given_runs_and_records_nothing(project: Path, tmp_path: Path) -> None:
    run(project, MADE)
    calls(project)
    before = (project / ".mlagent/newest").read_text()
    record = project / ".mlagent/runs" / before / "run.json"
    text = record.read_text()
    one = runner(project, MADE, DEPLOY)
    inputs, ctx = one.given_to(DEPLOY, tmp_path)
    one.lease.release()
    assert inputs["made"].read_text() == "made 0 "
    assert ctx.digests.keys() == {"made"}
    assert calls(project) == []
    assert record.read_text() == text
