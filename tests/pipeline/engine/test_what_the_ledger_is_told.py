"""What a run does stands in the ledger: who judged which release, what was let go, left out, retrained, accepted."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec
import pytest

from mlagent.adapters.stores.local import LocalStore
from mlagent.core import digest
from mlagent.core.context import Context, Outputs
from mlagent.core.ports.ledger import Fact
from mlagent.core.verdict import Check, Verdict, Waiver, check, verdict
from mlagent.engine.clock import now
from mlagent.engine.gc import collect
from mlagent.errors import Bug, GateRefused, Held, Inconclusive, InfrastructureError, RolledBack, TeamCodeError
from mlagent.measure import drift
from tests.pipeline.engine.told import CHAIN, EXPORT, GATE, METER, PROFILE, facts, project_with_load, said
from tests.unit.engine.chain import Knob, run, runner, stage


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_load(tmp_path / "small")


def only(project: Path, what: str) -> Fact:
    (found,) = (one for one in facts(project) if one.what == what)
    return found


def saying(*checks: Check) -> object:
    def say(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        return Outputs(summary="judged", verdicts=(verdict("rows", checks, inputs={}, tools={}),))

    return say


def raising(error: Exception) -> object:
    def fail(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        raise error

    return fail


def test_a_run_tells_its_verdicts_its_data_and_its_end(project: Path) -> None:
    run(project, *CHAIN)
    assert said(project) == [
        "verdict gate size pass",
        "data-accepted",
        "verdict meter load pass",
        "run-finished done",
    ]


def test_each_says_which_release_run_build_and_builder_it_is_about(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENKINS_URL", "https://ci.example/")
    monkeypatch.setenv("BUILD_URL", "https://ci.example/job/risk/7/")
    ended = run(project, *CHAIN).run
    onnx = ended.stages["export"].outputs["onnx"].digest
    assert {(one.model, one.who, one.run, one.build) for one in facts(project)} == {
        ("small", "https://ci.example/job/risk/7/", ended.run_id, 1)
    }
    assert {one.release for one in facts(project) if one.what != "data-accepted"} == {onnx}
    assert only(project, "data-accepted").release == ended.facts["data"]
    assert [one.time for one in facts(project)] == sorted(one.time for one in facts(project))


def test_accepted_data_comes_with_its_rows_and_its_profile(project: Path) -> None:
    ended = run(project, *CHAIN).run
    fact = only(project, "data-accepted")
    assert fact.details == {"rows": "2"}
    assert fact.holds == (ended.stages["look"].outputs["profile"].digest,)


def test_what_was_judged_can_be_read_by_the_digest_that_the_ledger_holds(project: Path, tmp_path: Path) -> None:
    ended = run(project, *CHAIN).run
    told = next(one for one in facts(project) if one.details.get("subject") == "size")
    assert told.holds == (told.details["digest"],) == (digest.of_json(ended.stages["gate"].verdicts[0]),)
    LocalStore(project / ".mlagent" / "store").get(told.holds[0], tmp_path / "verdict")
    read = msgspec.json.decode((tmp_path / "verdict").read_bytes(), type=Verdict)
    assert read == ended.stages["gate"].verdicts[0]


def test_the_verdict_on_rows_is_about_the_rows_and_on_an_image_about_the_image(project: Path) -> None:
    rows = stage("rows", saying(check("rows", 2, ">=", 1, samples=2)))
    image = stage("image", reads=("onnx",))
    ended = run(project, rows, PROFILE, EXPORT, image, METER).run
    about = {one.details["stage"]: one.release for one in facts(project) if one.what == "verdict"}
    assert about == {"rows": ended.facts["data"], "meter": ended.stages["image"].outputs["image"].digest}


def test_a_check_that_somebody_answers_for_is_told_with_their_name_reason_and_end(project: Path) -> None:
    waiver = Waiver(owner="jane@insurer.example", reason="case 4711", expires=date(2026, 12, 31))
    let_go = msgspec.structs.replace(check("gap", 1.0, "<=", 0.5, samples=9), outcome="waived", waiver=waiver)
    run(project, PROFILE, stage("gate", saying(let_go)))
    assert only(project, "waived").details == {
        "check": "gap",
        "stage": "gate",
        "owner": "jane@insurer.example",
        "reason": "case 4711",
        "expires": "2026-12-31",
    }


@pytest.mark.parametrize("severity", ["warn", "fail"])
def test_rows_that_moved_are_told_with_the_check_that_is_worst(project: Path, severity: str) -> None:
    checks = [
        check("rows", 2, ">=", 1, samples=2),
        check(drift.psi("age"), 0.3, "<=", 0.1, samples=9, severity="warn"),
        check(drift.emptier("age"), 0.9, "<=", 0.1, samples=9, severity="warn"),
        check(
            drift.categories("sex", "new: x"), 1, "<=", 0, samples=9, severity="fail" if severity == "fail" else "warn"
        ),
    ]
    seen = stage("rows", saying(*checks))
    if severity == "fail":
        with pytest.raises(GateRefused):
            run(project, seen)
    else:
        run(project, seen)
    details = only(project, "drifted").details
    assert details["subject"] == "rows"
    assert details["worst"] == (checks[3] if severity == "fail" else checks[2]).metric
    assert details["says"] in {one.reason for one in checks}


def test_rows_that_stayed_where_they_were_did_not_drift(project: Path) -> None:
    run(project, stage("rows", saying(check(drift.psi("age"), 0.01, "<=", 0.1, samples=9))))
    assert said(project) == ["verdict rows rows pass", "run-finished done"]


def test_a_model_that_was_made_for_a_reason_is_retrained_and_one_that_was_there_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENKINS_URL", "https://ci.example/")
    monkeypatch.setenv("reason", "drift of age")
    first = run(project, *CHAIN).run
    fact = only(project, "retrained")
    assert (fact.release, fact.details) == (first.stages["export"].outputs["onnx"].digest, {"reason": "drift of age"})
    run(project, *CHAIN, sets={"gate.knob": 1})
    assert [one.run for one in facts(project) if one.what == "retrained"] == [first.run_id]


def test_a_stage_that_the_team_leaves_out_is_an_override_with_its_reason(project: Path) -> None:
    sets = {"stages.skip": '{"meter": "no port is free"}'}
    run(project, *CHAIN, sets=sets)
    run(project, *CHAIN, sets=sets)
    assert only(project, "overridden").details == {"what": "stages.skip: meter", "reason": "no port is free"}


def test_an_overwriting_deploy_is_told_before_it_acts_however_it_ends(project: Path) -> None:
    seen: list[str] = []

    def deploy(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
        seen.extend(said(project))
        raise InfrastructureError("the cluster is away")

    there = stage(
        "deploy@staging",
        deploy,
        effect="converge",
        section="staging",
        environment="staging",
        switches={"overwrite": "Take back what others edited."},
    )
    one = runner(project, there)
    one.workspace.asked = frozenset({"overwrite"})
    with pytest.raises(InfrastructureError):
        one.run_all()
    one.lease.release()
    assert seen == ["overridden deploy --env staging --overwrite Take back what others edited."]
    assert only(project, "overridden").environment == "staging"
    with pytest.raises(InfrastructureError):
        run(project, there)
    assert len(facts(project)) == 1, "nobody asked for it again"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TeamCodeError("its tests failed"), {"outcome": "failed", "stage": "last", "category": "team-code"}),
        (Bug("a fault"), {"outcome": "failed", "stage": "last", "category": "bug"}),
        (ValueError("a fault"), {"outcome": "failed", "stage": "last", "category": "bug"}),
        (RolledBack("bad"), {"outcome": "undone", "stage": "last", "category": "rolled-back"}),
        (InfrastructureError("away"), None),
        (Held("not over"), None),
    ],
)
def test_a_run_is_finished_by_what_a_retry_does_not_mend(
    project: Path, error: Exception, told: dict[str, str] | None
) -> None:
    with pytest.raises(type(error)):
        run(project, PROFILE, stage("last", raising(error)))
    ends = [one.details for one in facts(project) if one.what == "run-finished"]
    assert ends == ([{**told, "attempt": "1"}] if told else [])


def test_a_no_is_an_end_once_and_each_new_try_that_says_nothing_another(project: Path) -> None:
    for _ in range(2):
        with pytest.raises(GateRefused):
            run(project, *CHAIN, sets={"gate.knob": -1})
    assert said(project) == ["verdict gate size fail", "run-finished gate refused"]
    (project / "load").unlink()
    for _ in range(2):
        with pytest.raises(Inconclusive):
            run(project, *CHAIN)
    assert said(project)[2:] == [
        "verdict gate size pass",
        "data-accepted",
        "verdict meter load inconclusive",
        "run-finished meter inconclusive",
        "run-finished meter inconclusive",
    ]


def test_a_part_of_the_chain_is_no_end_and_the_last_part_is(project: Path) -> None:
    for first, last in ((None, GATE), (METER, METER)):
        one = runner(project, *CHAIN)
        one.run_all(first, last)
        one.lease.release()
        assert ("run-finished done" in said(project)) is (last is METER)


def test_stages_with_nothing_to_do_keep_no_run_from_its_end(project: Path) -> None:
    idle = stage("idle", wants=("idle.knob",))
    one = runner(project, *CHAIN, idle)
    one.run_all(None, METER)
    one.lease.release()
    assert said(project)[-1] == "run-finished done"


def test_a_run_that_went_wrong_and_right_again_ends_by_saying_so(project: Path) -> None:
    run(project, *CHAIN)
    (project / "load").write_text("7")
    forced = {"meter": "again"}
    with pytest.raises(GateRefused):
        run(project, *CHAIN, force=forced)
    (project / "load").write_text("0.5")
    run(project, *CHAIN, force={"meter": "once more"})
    assert [one for one in said(project) if "run-finished" in one] == [
        "run-finished done",
        "run-finished meter refused",
        "run-finished done",
    ]


def test_no_secret_enters_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENKINS_URL", "https://ci.example/")
    monkeypatch.setenv("reason", "hunter2-hunter2 was in the query")
    monkeypatch.setenv("KEY", "hunter2-hunter2")
    run(project, *CHAIN, sets={"data.secret_key": "env:KEY"})
    assert only(project, "retrained").details == {"reason": "[secret] was in the query"}


def test_the_run_of_a_release_that_came_to_an_environment_is_never_garbage(project: Path) -> None:
    first = run(project, *CHAIN)
    space, onnx = first.workspace, first.run.stages["export"].outputs["onnx"].digest
    space.ledger.append(
        Fact(
            what="promoted",
            model="small",
            who="ann",
            time=now(),
            release=onnx,
            environment="production",
            run=first.run.run_id,
        )
    )
    second = run(project, *CHAIN, sets={"export.knob": 2})
    third = run(project, *CHAIN, sets={"export.knob": 3})
    assert collect(space, 1, delete=True).runs == 1
    assert set(space.records.ids()) == {first.run.run_id, third.run.run_id}
    assert space.store.size(onnx)
    assert not space.store.size(second.run.stages["export"].outputs["onnx"].digest)
    held = [digest for one in facts(project) for digest in one.holds]
    assert held
    assert all(space.store.size(one) for one in held), "what the ledger says was judged can still be read"
