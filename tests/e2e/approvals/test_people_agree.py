"""A release is approved over REST, read back from Jenkins, and promoted; the other three ends are three others."""

import json

import msgspec
import pytest

from tests.e2e.approvals.beside import attested
from tests.e2e.approvals.office import READER, Answer, Office
from tests.jenkins_double import TOKENS


def test_one_approves_and_it_is_promoted(here: Office) -> None:
    build = here.build(12)
    told = build.ask()
    assert (told["id"], told["submitter"], told["ok"]) == ("ApproveProduction1", "ann,bob,root", "Approve")
    assert 1430 < told["minutes"] <= 1440
    for word in (here.bed.image(here.project).rpartition("@")[2], "ROC AUC", "gate pass", "dev (author of"):
        assert word in told["message"]
    assert "12/ApproveProduction1" in build.person("ann", "list").stdout
    assert build.person("ann", "approve", "--comment", "looks fine").returncode == 0
    ended = build.approve(Answer(by="ann", comment="looks fine"))
    assert ended.returncode == 0, ended.stderr
    assert build.approve(Answer(by="ann", comment="looks fine")).returncode == 0, "given again, it has its answer"
    ended = build.promote()
    assert ended.returncode == 0, ended.stderr
    (fact,) = here.facts("approved")
    assert (fact.who, fact.environment, fact.details["comment"]) == ("ann", "production", "looks fine")
    assert fact.details["confirmed"] == "jenkins"
    assert [one.what for one in here.facts("approved", "promoted")][-2:] == ["approved", "promoted"]
    (said,) = attested(here)
    assert (said.decision.who, said.decision.position, said.override) == ("ann", 1, False)


def test_two_approve_one_after_the_other(here: Office) -> None:
    here.rules(count=2)
    build = here.build(12)
    assert build.approved("ann").returncode == 21
    here.refused(build.promote(), 12, "approval", "1 of 2 (by ann)")
    told = json.loads((here.folder / "said.json").read_text())["ask"]
    assert told["id"] == "ApproveProduction2"
    assert "bob" in told["message"]
    build.post("input", parameters=["comment"], **{key: told[key] for key in ("id", "message", "submitter")})
    assert build.person("bob", "approve").returncode == 0
    ended = build.approve(Answer(by="bob"))
    assert ended.returncode == 0, ended.stderr
    assert "approved by ann and bob" in ended.stdout + ended.stderr
    ended = build.promote()
    assert ended.returncode == 0, ended.stderr
    assert [one.details["which"] for one in here.facts("approved")] == ["1 of 2", "2 of 2"]


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ("rejected", 12, "bob rejected insurance-risk version 1"),
        ("timed-out", 21, "nobody answered whether insurance-risk version 1"),
        ("aborted", 130, "the build was stopped while people were asked"),
    ],
)
def test_what_is_no_approval_is_written_down_as_what_it_is(here: Office, outcome: str, code: int, words: str) -> None:
    build = here.build(12)
    build.ask()
    by = "bob" if outcome == "rejected" else ""
    if outcome == "rejected":
        assert build.person("bob", "reject").returncode == 0
    else:
        build.post("input/ApproveProduction1/over", state=outcome)
    here.refused(build.approve(Answer(outcome, by)), code, words)
    here.refused(build.promote(), 12, "approval")
    (fact,) = here.facts("approved", "rejected", "timed-out", "aborted")
    assert (fact.what, fact.who) == (outcome, by or "nobody")
    (said,) = attested(here)
    assert (said.decision.outcome, said.decision.confirmed) == (outcome, "")


def test_an_override_is_recorded_as_one(here: Office) -> None:
    build = here.build(12, causes=[{"user": "root"}])
    ended = build.approved("root", "the price list of today is wrong")
    assert ended.returncode == 0, ended.stderr
    assert "approved by root (override)" in ended.stdout + ended.stderr
    approved, overridden = here.facts("approved", "overridden")
    assert overridden.details["reason"] == "the price list of today is wrong"
    assert "root is none of the approvers" in overridden.details["what"]
    assert approved.who == overridden.who == "root"
    assert build.promote().returncode == 0


def test_a_controller_that_restarts_meanwhile_is_waited_for(here: Office) -> None:
    build = here.build(12)
    build.ask()
    assert build.person("ann", "approve").returncode == 0
    here.double.away = 2
    ended = build.approve(Answer(by="ann"))
    assert ended.returncode == 0, ended.stderr
    assert "trying again" in ended.stderr


@pytest.mark.parametrize("cause", ["timer", {"user": "carol"}])
def test_for_a_retrain_that_no_person_started_somebody_answers(here: Office, cause: object) -> None:
    """Carol is a robot here."""
    here.rules(answerable=["ann"], authors={"carol": ["ann@email"]})
    refused = here.build(12, causes=[cause]).approved("ann")
    here.refused(refused, 12, "ann has a part in it (answers for builds that nobody started)")
    build = here.build(13, causes=[cause])
    assert build.approved("bob").returncode == 0
    (fact,) = here.facts("approved")
    assert "ann: answers for builds that nobody started" in fact.details["responsible"]


def test_outside_of_jenkins_the_store_is_asked_where_the_policy_allows_it(here: Office) -> None:
    here.refused(here.mlagent("approve", "--env", "production"), 12, "has to be approved for production in Jenkins")
    import os
    import pwd

    me = pwd.getpwuid(os.getuid()).pw_name
    here.rules(outside_jenkins=True, approvers=[me, "bob"], override=[])
    here.refused(here.mlagent("approve", "--env", "production"), 21, "waits until")
    assert here.mlagent("approvals", "approve", "--comment", "fine").returncode == 0
    # who gives the command has started it, and so may not approve it: it is one person's machine
    here.refused(here.mlagent("approve", "--env", "production"), 12, f"{me} has a part in it (started the build)")


def test_no_token_stands_in_what_was_said_or_kept(here: Office) -> None:
    build = here.build(12)
    assert build.approved("ann").returncode == 0
    assert build.promote().returncode == 0
    secrets = [TOKENS["ann"], TOKENS[READER], here.bed.keys.spoken]
    kept = [*here.said, *(msgspec.json.encode(one).decode() for one in (*here.facts(), *attested(here)))]
    files = [one for top in (here.project, here.store) for one in top.rglob("*") if one.is_file()]
    for secret in secrets:
        assert not [text for text in kept if secret in text]
        assert not [one for one in files if secret.encode() in one.read_bytes()]
