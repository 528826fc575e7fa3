"""Questions that a person answers before something happens, each bound to the digest it is about."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from mlagent.core.digest import Digest
from mlagent.errors import Held, InputError, PolicyRefused

Outcome = Literal["approved", "rejected", "timed-out", "aborted"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: may `release`, judged by `evidence`, go to `environment`? Times are RFC 3339 in UTC.

    `approvers` names who may answer; nobody named means anybody. It is the `number`th of `count` that are asked one
    after the other, under the platform's `policy`; `build` is the page of the build in Jenkins that asks and `input`
    what its step is called there, both empty outside of Jenkins.
    """

    id: str
    release: Digest
    evidence: Digest
    environment: str
    message: str
    asked: str
    expires: str
    approvers: tuple[str, ...] = ()
    model: str = ""
    number: int = 1
    count: int = 1
    policy: Digest = ""
    build: str = ""
    input: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered to the question of that id, and to no other release and evidence than those it names.

    `who` is empty where nobody answered in time. `confirmed` says who vouches for that: the controller, the store, or
    nobody (Jenkins keeps no record of who rejected). `position` is its place among the build's approvals, from 1.
    """

    question: str
    release: Digest
    outcome: Outcome
    who: str
    time: str
    comment: str = ""
    evidence: Digest = ""
    confirmed: Literal["jenkins", "store", ""] = ""
    position: int = 0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a controller said of a build at a time (RFC 3339 in UTC): who approved so far, in order; what it waits for.

    `commits` are those that it builds, as far as it knows.
    """

    time: str
    approvers: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    building: bool = True
    commits: tuple[str, ...] = ()


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """How a build began: ids of the users who started it, and the classes of its causes (`TimerTriggerCause`)."""

    users: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class Approvals(Protocol):
    """Asks and answers; the first answer stands. InfrastructureError (20) when it is out of reach."""

    def ask(self, question: Question) -> None:
        """Put a question; asking the same again changes nothing, another under its id is InputError (4)."""

    def pending(self, now: str) -> Sequence[Question]:
        """Questions without an answer whose time has not run out, the oldest first."""

    def question(self, question_id: str) -> Question | None:
        """What was asked under an id, None when nothing was."""

    def decide(self, decision: Decision) -> None:
        """Answer; the same answer again changes nothing.

        InputError (4): no such question. PolicyRefused (12): another release or evidence, an approval by who
        may not give it, or too late.
        Held (21): somebody answered otherwise before.
        """

    def decision(self, question_id: str) -> Decision | None:
        """The answer, None while there is none."""


def must_fit(question: Question | None, decision: Decision) -> None:
    """Raise what `decide` says about a decision that does not fit; a no may come late, and from anybody."""
    if question is None:
        raise InputError(
            f"there is no question {decision.question!r}", hint="look at what is pending; the id is its first column"
        )
    if decision.release != question.release:
        raise PolicyRefused(
            f"question {question.id!r} is about {question.release}, not {decision.release}",
            hint="look at what is asked now: an answer holds for the release it was given to",
        )
    if decision.evidence and decision.evidence != question.evidence:
        raise PolicyRefused(
            f"question {question.id!r} rests on evidence {question.evidence}, not {decision.evidence}",
            hint="look at what is asked now: an answer holds for the evidence it was given to",
        )
    if decision.outcome == "approved" and question.approvers and decision.who not in question.approvers:
        raise PolicyRefused(
            f"{decision.who!r} may not answer question {question.id!r}",
            hint=f"ask one of {', '.join(question.approvers)}",
        )
    if decision.outcome == "approved" and decision.time >= question.expires:
        raise PolicyRefused(
            f"the time to answer question {question.id!r} ran out at {question.expires}",
            hint="run the pipeline again: it asks anew, with the evidence of then",
        )


def must_agree(before: Decision, decision: Decision) -> None:
    """Held unless it is the same answer by the same person."""
    if (before.outcome, before.who) != (decision.outcome, decision.who):
        raise Held(
            f"question {before.question!r} was {before.outcome} by {before.who!r} at {before.time}",
            hint="the first answer stands; run the pipeline again to be asked anew",
        )
