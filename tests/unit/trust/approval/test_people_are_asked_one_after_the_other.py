"""What is asked next, what an answer is worth under the policy, and how it ends."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mlagent.core.ports.approvals import Decision, Outcome
from mlagent.errors import Aborted, Held, PolicyRefused
from mlagent.trust.approval import asking
from mlagent.trust.approval.asking import Asked, Noted
from mlagent.trust.approval.document import Approval
from mlagent.trust.approval.separation import Responsible
from tests.unit.trust.approval.asked_house import APPROVAL, ASKED, BEFORE, BUILD, OTHER, QUESTION, RULES, YES

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
DEV = Responsible(ids={"dev": "author of c0ffee"})
WAITS = Noted(build=BUILD, question=QUESTION, before=BEFORE)


def judged(noted: Noted = WAITS, people: Responsible = DEV, asked: Asked = ASKED, **decision: Any) -> Approval:
    return asking.judged(asked, noted, QUESTION, msgspec.structs.replace(YES, **decision), people)


def test_the_first_question_names_all_that_it_is_about() -> None:
    found = asking.question(ASKED, Noted(build=BUILD), "Approve?", NOW)
    assert found == QUESTION


def test_the_second_has_an_input_of_its_own_and_outside_of_jenkins_it_has_none() -> None:
    second = asking.question(ASKED, Noted(build=BUILD, given=(APPROVAL,)), "Approve?", NOW)
    assert second.approvers == ("bob", "root")
    assert (second.input, second.number, second.id) == (
        "ApproveProduction2",
        2,
        "production-0123456789ab-20260301T100000-2",
    )
    outside = asking.question(msgspec.structs.replace(ASKED, build="run:0123456789ab"), Noted(), "Approve?", NOW)
    assert (outside.input, outside.build) == ("", "")


def test_what_waits_is_told_as_a_courier_needs_it() -> None:
    end = asking.asks(QUESTION, NOW)
    assert end.code == 21
    assert end.question == {
        "id": "ApproveProduction1",
        "message": "Approve?",
        "ok": "Approve",
        "submitter": "ann,bob,root",
        "minutes": 1440,
    }
    assert "(1 of 2)" in end.message
    assert asking.asks(QUESTION, datetime(2026, 3, 3, tzinfo=UTC)).question["minutes"] == 1


def test_two_are_enough_where_two_are_asked_and_an_override_is_at_once() -> None:
    one = judged()
    assert one == APPROVAL
    assert not msgspec.structs.replace(WAITS, given=(one,)).enough(RULES)
    assert msgspec.structs.replace(WAITS, given=(one, one)).enough(RULES)
    root = judged(who="root", comment="ann is ill")
    assert root.override
    assert root.against == ("root is none of the approvers (ann, bob)",)
    assert msgspec.structs.replace(WAITS, given=(root,)).enough(RULES)


REFUSED: dict[str, dict[str, Any]] = {
    "eve is none of the approvers (ann, bob)": {"who": "eve"},
    "ann has a part in it (author of c0ffee)": {"people": Responsible(ids={"ann": "author of c0ffee"})},
    "ann has a part in it (started the build)": {"people": Responsible(ids={"ann": "started the build"})},
    "ann has approved it already": {"noted": msgspec.structs.replace(WAITS, given=(APPROVAL,))},
    "e-mails are: x@example.org": {"people": Responsible(ids={"dev": "…"}, unmapped=("x@example.org",))},
    "nobody answers for it": {"people": Responsible(ids={})},
    "it came at 2026-03-02T10:00:00+00:00": {"time": "2026-03-02T10:00:00+00:00"},
    "an override takes a comment that says why": {"who": "root", "comment": "  "},
    "the policy takes approvals from Jenkins alone": {"confirmed": "store"},
}


@pytest.mark.parametrize("named", REFUSED)
def test_each_approval_that_breaks_a_rule_is_refused_and_named(named: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        judged(**REFUSED[named])
    assert named in refused.value.message


def test_a_late_override_is_late() -> None:
    with pytest.raises(PolicyRefused, match="the question held until"):
        judged(who="root", time="2026-03-02T10:00:00+00:00")


def test_a_comment_is_cut_and_holds_nothing_that_a_terminal_obeys() -> None:
    assert judged(outcome="rejected", who="e\x1b\nve").decision.who == "e? ve"
    assert judged(comment="a\x1b[2Jb" + "c" * 999).decision.comment == ("a?[2Jb" + "c" * 999)[:500]


@pytest.mark.parametrize(
    ("outcome", "kind", "code"), [("rejected", PolicyRefused, 12), ("timed-out", Held, 21), ("aborted", Aborted, 130)]
)
def test_the_other_three_ends_are_three(outcome: Outcome, kind: type, code: int) -> None:
    decision = Decision(question=QUESTION.id, release=QUESTION.release, outcome=outcome, who="bob", time=YES.time)
    end = asking.ended(ASKED, Approval(question=QUESTION, decision=decision))
    assert isinstance(end, kind)
    assert end.code == code


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../x"},
        {"approvers": ("eve",)},
        {"expires": "2099-01-01T00:00:00+00:00"},
        {"asked": "soon"},
        {"number": 2},
    ],
)
def test_a_question_that_was_changed_in_the_store_is_none(change: dict[str, Any]) -> None:
    asking.must_be_ours(ASKED, WAITS)
    changed = msgspec.structs.replace(WAITS, question=msgspec.structs.replace(QUESTION, **change))
    with pytest.raises(PolicyRefused, match="was changed in the store"):
        asking.must_be_ours(ASKED, changed)


def test_another_build_or_other_evidence_begins_anew() -> None:
    assert WAITS.of(ASKED, answered=True) == WAITS
    other = msgspec.structs.replace(ASKED, build="https://jenkins.example/job/risk/13/")
    assert WAITS.of(other, answered=True) == Noted(build=other.build)  # its answer is to no question
    newer = msgspec.structs.replace(ASKED, evidence=OTHER)
    assert WAITS.of(newer, answered=False) == Noted(build=BUILD)
    given = msgspec.structs.replace(WAITS, question=None, given=(APPROVAL,))
    assert given.of(newer, answered=True) == Noted(build=BUILD)


def test_an_answer_to_older_evidence_is_refused_and_named() -> None:
    with pytest.raises(PolicyRefused, match="the answer to ApproveProduction1 is to older evidence"):
        WAITS.of(msgspec.structs.replace(ASKED, evidence=OTHER), answered=True)
