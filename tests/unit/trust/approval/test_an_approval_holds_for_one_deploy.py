"""An approval beside an image holds for that digest, environment, policy, evidence and build, for a time, by enough."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mlagent.trust.approval import document, held
from mlagent.trust.approval.document import Approval
from mlagent.trust.approval.held import Wanted
from mlagent.trust.evidence import Attested, Evidence, Finding
from mlagent.trust.policy import STRICT, Policy, Required
from mlagent.trust.statement import V1, Statement, Subject
from tests.unit.trust.approval.asked_house import APPROVAL, BUILD, EVIDENCE, IMAGE, OTHER, POLICY, QUESTION, RULES, YES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEPLOY = Wanted(evidence=EVIDENCE, build=BUILD)
ALONE = msgspec.structs.replace(RULES, count=1)


def asked(**changes: Any) -> Policy:
    made: dict[str, Any] = {
        "environment": "production",
        "digest": POLICY,
        "keys": {},
        "identities": {},
        "repositories": (),
        "builders": (),
        "verdicts": {},
        "require": Required(),
        "transparency_log": STRICT.transparency_log,
        "sources": {},
        "approvals": ALONE,
    }
    return Policy(**made | changes)


def beside(*approvals: Approval, others: tuple[Approval, ...] = (), about: str = IMAGE) -> Evidence:
    def stated(one: Approval) -> Statement:
        predicate: Mapping[str, Any] = msgspec.to_builtins(one)
        subject = (Subject(digest={"sha256": about.partition(":")[2]}),)
        return Statement(type=V1, subject=subject, predicate_type=document.TYPE, predicate=dict(predicate))

    found = Attested(verified=tuple(map(stated, approvals)), others=tuple(map(stated, others)))
    return Evidence(repository="registry.example/risk", digest=IMAGE, manifest=None, attested={document.TYPE: found})


def row(
    evidence: Evidence, policy: Policy | None = None, wanted: Wanted | None = DEPLOY, now: datetime = NOW
) -> Finding:
    (found,) = held.judge(evidence, policy or asked(), now, wanted)
    return found


def but(question: Mapping[str, Any] | None = None, decision: Mapping[str, Any] | None = None, **more: Any) -> Approval:
    return msgspec.structs.replace(
        APPROVAL,
        question=msgspec.structs.replace(QUESTION, **question or {}),
        decision=msgspec.structs.replace(YES, **decision or {}),
        **more,
    )


SECOND = but(
    {"id": "production-0123456789ab-20260301T100000-2", "number": 2, "input": "ApproveProduction2"},
    {"question": "production-0123456789ab-20260301T100000-2", "who": "bob", "position": 3},
)


def test_nothing_is_said_where_the_policy_asks_for_none() -> None:
    assert list(held.judge(beside(), asked(approvals=None), NOW, DEPLOY)) == []


def test_one_of_this_deploy_passes() -> None:
    found = row(beside(APPROVAL))
    assert (found.outcome, found.found, found.asked) == ("pass", "by ann", "1 of ann, bob")


def test_where_nothing_is_deployed_its_age_and_build_are_not_asked() -> None:
    assert row(beside(APPROVAL), wanted=None, now=datetime(2027, 1, 1, tzinfo=UTC)).outcome == "pass"


def test_two_are_two_people() -> None:
    policy = asked(approvals=RULES)
    assert row(beside(APPROVAL, SECOND), policy).found == "by ann, bob"
    again = but(
        {"id": "production-0123456789ab-20260301T100000-2"},
        {"question": "production-0123456789ab-20260301T100000-2", "position": 3},
    )
    found = row(beside(APPROVAL, again), policy)
    assert (found.outcome, found.found) == ("refused", "1 of 2 (by ann)")


def test_two_of_two_builds_are_not_two() -> None:
    other = but({"build": "https://jenkins.example/job/risk/11/"}, {"who": "bob", "position": 1})
    found = row(beside(APPROVAL, other), asked(approvals=RULES), wanted=None)
    assert (found.outcome, found.found) == ("refused", "1 of 2 (by ann)")


def test_an_override_is_enough_alone_and_said() -> None:
    one = but(None, {"who": "root", "comment": "ann is ill"}, against=("root is none of the approvers",), override=True)
    found = row(beside(one), asked(approvals=RULES))
    assert (found.outcome, found.found) == ("pass", "by root (override)")
    claimed = msgspec.structs.replace(one, decision=msgspec.structs.replace(one.decision, confirmed="store"))
    assert "Jenkins did not confirm it" in row(beside(claimed), asked(approvals=RULES)).found
    refused = row(beside(one), asked(approvals=msgspec.structs.replace(RULES, override=())))
    assert "root may not override" in refused.found


REFUSED = {
    "of another digest": but({"release": OTHER}, {"release": OTHER}),
    "of older evidence": but({"evidence": OTHER}, {"evidence": OTHER}),
    "of staging": but({"environment": "staging"}),
    "under another policy": but({"policy": OTHER}),
    "of another build (https://jenkins.example/job/risk/11/)": but({"build": "https://jenkins.example/job/risk/11/"}),
    "it held until 2026-03-01T11:00:00+00:00": but({"expires": "2026-03-01T11:00:00+00:00"}),
    "it held until soon": but({"expires": "soon"}),
    "it was given at 2026-02-28T11:00:00+00:00, more than 24 hours ago": but(
        {"expires": "2099-01-01T00:00:00+00:00"}, {"time": "2026-02-28T11:00:00+00:00"}
    ),
    "eve is none of the approvers": but(None, {"who": "eve"}),
    "ann approved their own work (author of c0ffee)": but(responsible={"ann": "author of c0ffee"}),
    "nobody answers for it": but(against=("nobody answers for it",)),
    "Jenkins did not confirm it": but(None, {"confirmed": "store"}),
    "it answers another question": but(None, {"question": "production-0123456789ab-20260301T100000-9"}),
    "rejected by ann": but(None, {"outcome": "rejected"}),
}


@pytest.mark.parametrize("named", REFUSED)
def test_each_other_is_refused_and_named(named: str) -> None:
    found = row(beside(REFUSED[named]))
    assert found.outcome == "refused"
    assert named in found.found


def test_one_answer_in_jenkins_is_the_answer_to_one_question() -> None:
    staging = but(
        {"id": "staging-0123456789ab-20260301T100000-1", "environment": "staging"},
        {"question": "staging-0123456789ab-20260301T100000-1"},
    )
    found = row(beside(APPROVAL, staging))
    assert found.outcome == "refused"
    assert "in Jenkins it is the answer to another question, too" in found.found


def test_one_that_nobody_trusted_signed_or_of_another_image_is_none() -> None:
    assert row(beside()).outcome == "missing"
    stranger = row(beside(others=(APPROVAL,)))
    assert (stranger.outcome, stranger.found) == ("refused", "1 by another key")
    elsewhere = row(beside(APPROVAL, about=OTHER))
    assert elsewhere.outcome == "refused"
    assert elsewhere.found.startswith("of another digest")


def test_outside_of_jenkins_it_counts_where_the_policy_says_so() -> None:
    local = but({"build": "run:0123456789ab"}, {"confirmed": "store", "position": 0})
    wanted = Wanted(evidence=EVIDENCE, build="run:0123456789ab")
    policy = asked(approvals=msgspec.structs.replace(ALONE, outside_jenkins=True))
    assert row(beside(local), policy, wanted).outcome == "pass"
