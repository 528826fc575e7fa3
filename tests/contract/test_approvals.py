"""Whatever asks people does it like this: an answer is bound to a release, in time, by who may; the first stands."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from mlagent.adapters.local.approvals import LocalApprovals
from mlagent.core.ports.approvals import Approvals, Decision, Question
from mlagent.core.ports.store import Store
from mlagent.errors import Held, InputError, MlagentError, PolicyRefused

Opened = Callable[[], Store]
ONE, TWO = ("sha256:" + digit * 64 for digit in "12")
QUESTION = Question(
    id="run-1-production",
    release=ONE,
    evidence=TWO,
    environment="production",
    message="May it go?",
    asked="2026-03-01T10:00:00Z",
    expires="2026-03-02T10:00:00Z",
    approvers=("ann", "bob"),
)
YES = Decision(question=QUESTION.id, release=ONE, outcome="approved", who="ann", time="2026-03-01T11:00:00Z")


@pytest.fixture
def approvals(opened: Opened) -> Approvals:
    return LocalApprovals(opened())


def but(one: Decision, **changes: object) -> Decision:
    return msgspec.structs.replace(one, **changes)


def test_what_is_asked_is_pending_until_it_is_answered(approvals: Approvals) -> None:
    other = msgspec.structs.replace(QUESTION, id="earlier", asked="2026-03-01T09:00:00Z")
    assert approvals.pending(YES.time) == []
    approvals.ask(QUESTION)
    approvals.ask(other)
    assert approvals.question(QUESTION.id) == QUESTION
    assert approvals.pending(YES.time) == [other, QUESTION]
    assert approvals.decision(QUESTION.id) is None
    approvals.decide(YES)
    assert approvals.pending(YES.time) == [other]
    assert approvals.decision(QUESTION.id) == YES


def test_a_question_whose_time_ran_out_is_not_pending(approvals: Approvals) -> None:
    approvals.ask(QUESTION)
    assert approvals.pending(QUESTION.expires) == []


def test_asking_the_same_again_changes_nothing_and_another_under_its_id_is_refused(approvals: Approvals) -> None:
    approvals.ask(QUESTION)
    approvals.ask(QUESTION)
    with pytest.raises(InputError, match="was asked before, about another thing"):
        approvals.ask(msgspec.structs.replace(QUESTION, release=TWO))
    assert approvals.question(QUESTION.id) == QUESTION


@pytest.mark.parametrize(
    ("decision", "kind", "said"),
    [
        (but(YES, question="other"), InputError, "there is no question 'other'"),
        (but(YES, release=TWO), PolicyRefused, f"is about {ONE}, not {TWO}"),
        (but(YES, evidence=ONE), PolicyRefused, f"rests on evidence {TWO}, not {ONE}"),
        (but(YES, who="eve"), PolicyRefused, "'eve' may not answer"),
        (but(YES, time="2026-03-02T10:00:00Z"), PolicyRefused, "ran out at 2026-03-02T10:00:00Z"),
    ],
    ids=["no question", "another release", "other evidence", "not allowed", "too late"],
)
def test_an_answer_that_does_not_fit_is_refused(
    approvals: Approvals, decision: Decision, kind: type[MlagentError], said: str
) -> None:
    approvals.ask(QUESTION)
    with pytest.raises(kind, match=said):
        approvals.decide(decision)
    assert approvals.decision(QUESTION.id) is None


@pytest.mark.parametrize(
    "no", [but(YES, outcome="rejected", who="eve"), but(YES, outcome="aborted", who="", time="2026-03-02T10:00:00Z")]
)
def test_a_no_may_come_late_and_from_anybody(approvals: Approvals, no: Decision) -> None:
    approvals.ask(QUESTION)
    approvals.decide(no)
    assert approvals.decision(QUESTION.id) == no


def test_where_nobody_is_named_anybody_answers(approvals: Approvals) -> None:
    approvals.ask(msgspec.structs.replace(QUESTION, approvers=()))
    approvals.decide(but(YES, who="eve"))
    assert approvals.decision(QUESTION.id) == but(YES, who="eve")


@pytest.mark.parametrize("other", [but(YES, outcome="rejected"), but(YES, who="bob")])
def test_the_first_answer_stands(approvals: Approvals, other: Decision) -> None:
    approvals.ask(QUESTION)
    approvals.decide(YES)
    approvals.decide(but(YES, time="2026-03-01T12:00:00Z"))
    with pytest.raises(Held, match="was approved by 'ann' at 2026-03-01T11:00:00Z"):
        approvals.decide(other)
    assert approvals.decision(QUESTION.id) == YES


def test_of_two_who_answer_at_once_one_is_told(opened: Opened) -> None:
    LocalApprovals(opened()).ask(QUESTION)

    def answer(number: int) -> bool:
        try:
            LocalApprovals(opened()).decide(but(YES, outcome="approved" if number % 2 else "rejected"))
        except Held:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        stood = list(pool.map(answer, range(4)))
    kept = LocalApprovals(opened()).decision(QUESTION.id)
    assert kept
    assert stood == [(number % 2 == 1) == (kept.outcome == "approved") for number in range(4)]


def test_a_damaged_file_is_named(opened: Opened) -> None:
    opened().write(f"approvals/questions/{QUESTION.id}", b"{")
    with pytest.raises(InputError, match="is damaged"):
        LocalApprovals(opened()).question(QUESTION.id)
