"""What a team, or somebody in the middle, may try instead of an approval: each is refused, named, and moves nothing."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import Fact
from mlagent.engine.clock import now
from tests.e2e.approvals.office import JOB, Answer, Office
from tests.e2e.rollout.bed import MODEL
from tests.jenkins_double import serving

SECONDS = 12


@pytest.mark.parametrize(
    ("who", "changes", "causes", "words"),
    [
        ("ann", {"authors": {"ann": ["ann@email"]}}, ["scm"], "ann has a part in it (author of "),
        ("ann", {}, [{"user": "ann"}], "ann has a part in it (started the build)"),
        ("ann", {}, [{"user": "dave"}, {"user": "ann"}], "ann has a part in it (started the build)"),
        ("root", {"override": []}, ["scm"], "root is none of the approvers (ann, bob)"),
        ("root", {}, ["scm"], "an override takes a comment that says why"),
        ("ann", {"authors": {}}, ["scm"], "the policy does not say whose these authors' e-mails are: ann@email"),
        ("ann", {"authors": {"carol": ["ann@email"]}}, ["timer"], "nobody answers for it"),
    ],
)
def test_who_may_not_approve_does_not(
    here: Office, who: str, changes: dict[str, Any], causes: Sequence[Any], words: str
) -> None:
    here.rules(**changes)
    build = here.build(12, causes=causes)
    here.refused(build.approved(who), 12, words, "does not count")
    here.refused(build.promote(), 12, "approval")
    assert here.facts("approved") == []


def test_a_name_that_jenkins_does_not_confirm(here: Office) -> None:
    build = here.build(12)
    build.ask()
    assert build.person("root", "approve").returncode == 0
    here.refused(build.approve(Answer(by="ann")), 12, "the build says that 'ann' approved, and Jenkins that 'root' did")


def test_an_approval_that_nobody_gave(here: Office) -> None:
    build = here.build(12)
    build.ask()
    here.refused(build.approve(Answer(by="ann")), 12, "Jenkins still waits for it")
    build.post("input/ApproveProduction1/over", state="timed-out")
    here.refused(build.approve(Answer(by="ann")), 12, "the build says approved, and Jenkins knows of no approval")


def test_an_answer_to_nothing_asks(here: Office) -> None:
    ended = here.build(12).approve(Answer(by="ann"))
    assert ended.returncode == 21, ended.stderr


def test_an_approver_too_many(here: Office) -> None:
    build = here.build(12)
    build.ask()
    assert build.person("ann", "approve").returncode == 0
    build.post("approver", userId="bob")
    here.refused(build.approve(Answer(by="bob")), 12, "Jenkins knows of 2 approvals since it was asked (ann, bob)")


def test_another_question_beside_it(here: Office) -> None:
    build = here.build(12)
    build.ask()
    build.post("input", id="Lunch", message="pizza?", parameters=[], submitter="")
    assert build.person("ann", "approve", "ApproveProduction1").returncode == 0
    here.refused(build.approve(Answer(by="ann")), 12, "asks other things at the same time (Lunch)")


def test_an_approval_of_another_build(here: Office) -> None:
    approved, other = here.build(12), here.build(13)
    assert approved.approved("ann").returncode == 0
    here.refused(other.promote(), 12, f"of another build ({approved.env['BUILD_URL']})")


def test_a_build_of_another_commit_named_in_the_environment(here: Office) -> None:
    build = here.build(12, commit="1234" * 10)
    here.refused(build.approve(), 12, "the build that it names builds 123412341234, and this run is of")


def test_a_build_that_is_over(here: Office) -> None:
    build = here.build(12)
    build.ask()
    build.person("ann", "approve")
    build.post("end", result="SUCCESS")
    here.refused(build.approve(Answer(by="ann")), 12, "the build that it names has ended")


def test_another_policy_since(here: Office) -> None:
    build = here.build(12)
    assert build.approved("ann").returncode == 0
    here.rules(approvers=["ann", "bob", "dave"])
    here.refused(build.promote(), 12, "under another policy")


def test_older_evidence(here: Office) -> None:
    build = here.build(12)
    assert build.approved("ann").returncode == 0
    ended = here.mlagent("load-test", "--force", env=build.env)
    assert ended.returncode == 0, ended.stderr
    here.refused(build.promote(), 12, "of older evidence")


def test_too_late(here: Office) -> None:
    here.rules(hours=SECONDS / 3600)
    build = here.build(12)
    ended = build.approved("ann")  # on a busy machine this is too late already
    if ended.returncode == 0:
        time.sleep(SECONDS)
        ended = build.promote()
    here.refused(ended, 12, "held until")


def test_the_policy_is_not_the_teams_to_name(here: Office) -> None:
    own = here.project / "own-policy.yaml"
    own.write_text(here.policy.read_text().replace('"ann"', '"dev"'))
    settings = here.project / "mlpipeline.yaml"
    settings.write_text(settings.read_text() + f"policy: {{file: {own.name}}}\n")
    ended = here.build(12).approve(env={"MLAGENT_POLICY_FILE": ""})
    here.refused(ended, 3, "policy.file is the platform's to set, not the project's")
    settings.write_text(settings.read_text().replace(f"policy: {{file: {own.name}}}\n", ""))
    ended = here.build(13).approve(env={"MLAGENT_POLICY_FILE": own.name})
    here.refused(ended, 3, "lies in the build's own workspace, where teams write")


def test_a_controller_of_the_teams_is_not_asked(here: Office) -> None:
    with serving(harness=True) as theirs:
        settings = here.project / "mlpipeline.yaml"
        settings.write_text(settings.read_text() + f"jenkins: {{url: '{theirs.url}'}}\n")
        build = here.build(12)
        build.ask()
        assert theirs.seen == []
        forged = {
            "JENKINS_URL": f"{theirs.url}/",
            "BUILD_URL": build.env["BUILD_URL"].replace(here.double.url, theirs.url),
        }
        build.approve(env=forged)
        assert theirs.seen == []
    here.rules(controller="")
    here.refused(build.approve(env=forged), 12, "approvals.controller is empty")


def test_a_record_that_was_edited_in_the_store_promotes_nothing(here: Office) -> None:
    build = here.build(12)
    build.ask()
    (record,) = (
        one
        for one in (here.store / "named").rglob("*")
        if one.is_file() and b'"approve@production"' in one.read_bytes()
    )
    told = json.loads(record.read_text())
    (notes,) = told["stages"]["approve@production"]["notes"].values()
    question = notes["question"]
    decision = {"question": question["id"], "release": question["release"], "evidence": question["evidence"]}
    decision |= {"outcome": "approved", "who": "ann", "time": question["asked"], "confirmed": "jenkins", "position": 1}
    notes["given"], notes["question"] = [{"question": question, "decision": decision}], None
    record.unlink()
    record.write_text(json.dumps(told))
    build.approve()
    here.refused(build.promote(), 12, "approval")


def test_a_promotion_that_nobody_signed_hides_no_author(here: Office) -> None:
    """Somebody who can write to the ledger's store says that this commit is in production already."""
    here.rules(authors={"ann": ["ann@email"]})
    image, ledger = here.bed.image(here.project), ObjectLedger(open_store(here.store))
    (run,) = {one.run for one in here.facts("promoted")}
    told: dict[str, Any] = {
        "model": MODEL,
        "who": "nobody",
        "time": now(),
        "run": run,
        "build": 1,
        "details": {"commit": here.commit()},
    }
    ledger.append(Fact(what="promoted", environment="production", release=image.rpartition("@")[2], **told))
    ended = here.build(12).approved("ann")
    assert ended.returncode == 12, ended.stderr
    assert "ann has a part in it (author of " in ended.stderr


def test_one_approval_for_two_questions(here: Office) -> None:
    here.rules(count=2)
    build = here.build(12)
    assert build.approved("ann").returncode == 21
    build.post("input", id="ApproveProduction2", message="", parameters=["comment"], submitter="bob")
    build.post("input/ApproveProduction2/over", state="timed-out")
    here.refused(build.approve(Answer(by="ann")), 12, "Jenkins knows of no approval")
    build.post("input", id="ApproveProduction2", message="", parameters=["comment"], submitter="ann")
    assert build.person("ann", "approve").returncode == 0
    here.refused(build.approve(Answer(by="ann")), 12, "ann has approved it already")


def test_the_job_of_another_is_not_ours(here: Office) -> None:
    build = here.build(12)
    build.ask()
    elsewhere = build.env["BUILD_URL"].replace(JOB.rpartition("/")[2], "elsewhere")
    ended = build.approve(Answer(by="ann"), {"BUILD_URL": elsewhere})
    here.refused(ended, 4, "has no build 12 of models/elsewhere")
