"""What a build passes on of an answer is a hint: each thing that the controller says otherwise is named."""

import msgspec
import pytest

from mlagent.core.ports.approvals import Seen
from mlagent.errors import PolicyRefused
from mlagent.trust.approval.readback import read_back
from tests.unit.trust.approval.asked_house import AFTER, BEFORE, COMMIT, QUESTION, SAID, YES


def but(seen: Seen, **changes: object) -> Seen:
    return msgspec.structs.replace(seen, **changes)


def test_who_approved_is_who_jenkins_names_and_where_in_its_order() -> None:
    assert read_back(QUESTION, BEFORE, AFTER, SAID, COMMIT) == YES
    assert read_back(QUESTION, BEFORE, AFTER, {**SAID, "by": ""}, COMMIT) == YES  # proceedEmpty passes no name on


@pytest.mark.parametrize("outcome", ["rejected", "timed-out", "aborted"])
def test_what_jenkins_keeps_no_record_of_is_as_the_build_says_and_confirmed_by_nobody(outcome: str) -> None:
    found = read_back(QUESTION, BEFORE, but(BEFORE, time=AFTER.time), {"outcome": outcome, "by": "bob"}, COMMIT)
    assert (found.outcome, found.who, found.confirmed, found.position) == (outcome, "bob", "", 0)


def test_one_that_was_stopped_may_still_stand_in_the_list_for_a_moment() -> None:
    waits = but(BEFORE, pending=("ApproveProduction1",))
    assert read_back(QUESTION, BEFORE, waits, {"outcome": "timed-out"}, COMMIT).outcome == "timed-out"


FORGED = {
    "the build says that 'bob' approved, and Jenkins that 'ann' did": (BEFORE, AFTER, {**SAID, "by": "bob"}),
    "the build says approved, and Jenkins knows of no approval": (BEFORE, but(AFTER, approvers=("zoe",)), SAID),
    "Jenkins knows of 2 approvals since it was asked (ann, eve), one too many": (
        BEFORE,
        but(AFTER, approvers=("zoe", "ann", "eve")),
        SAID,
    ),
    "the build says rejected, and Jenkins that ann approved": (BEFORE, AFTER, {"outcome": "rejected", "by": "bob"}),
    "Jenkins still waits for it": (BEFORE, but(AFTER, pending=("ApproveProduction1",)), SAID),
    "the build asks other things at the same time (GoOn)": (BEFORE, but(AFTER, pending=("GoOn",)), SAID),
    "asks other things at the same time (Before)": (but(BEFORE, pending=("Before",)), AFTER, SAID),
    "Jenkins names other approvers of before": (BEFORE, but(AFTER, approvers=("eve", "ann")), SAID),
    "the build that it names has ended": (BEFORE, but(AFTER, building=False), SAID),
    "the build that it names builds 123412341234, and this run is of c0ffeec0ffee": (
        BEFORE,
        but(AFTER, commits=("1234" * 10,)),
        SAID,
    ),
    "the build that it names builds nothing that Jenkins knows of": (BEFORE, but(AFTER, commits=()), SAID),
    "'maybe' is no answer": (BEFORE, AFTER, {"outcome": "maybe"}),
}


@pytest.mark.parametrize("named", FORGED)
def test_each_forgery_is_refused_and_named(named: str) -> None:
    before, after, said = FORGED[named]
    with pytest.raises(PolicyRefused) as refused:
        read_back(QUESTION, before, after, said, COMMIT)
    assert named in refused.value.message
    assert "ApproveProduction1" in refused.value.message
