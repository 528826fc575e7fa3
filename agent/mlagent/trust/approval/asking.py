"""One question after the other, until enough people have agreed: what is asked next, and what an answer is worth."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from mlagent.core.digest import Digest, short
from mlagent.core.ports.approvals import Decision, Question, Seen
from mlagent.core.release import Release
from mlagent.errors import Aborted, Asks, Held, MlagentError, PolicyRefused
from mlagent.trust.approval import separation
from mlagent.trust.approval.document import Approval
from mlagent.trust.approval.separation import Responsible
from mlagent.trust.policy import Approvals

WORDS, WHO = 500, 100  # characters that are kept of a comment, and of a name that nobody confirmed


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: a release for an environment, on this evidence, under this policy, by a build.

    `build` is the page of a build in Jenkins, or `run:ID` outside of it.
    """

    release: Release
    environment: str
    evidence: Digest
    policy: Digest
    rules: Approvals
    build: str

    @property
    def in_jenkins(self) -> bool:
        """Whether people are asked there."""
        return not self.build.startswith("run:")


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """How far it went in this build, in the notes of the stage: who has agreed (`given`).

    `question` waits for its answer, and `before` is what the controller was seen to say when it was put. `no` is the
    last answer that was no approval: given again, by a stage that was killed after it, it is the same one.
    """

    build: str = ""
    question: Question | None = None
    before: Seen | None = None
    given: tuple[Approval, ...] = ()
    no: Approval | None = None

    def of(self, asked: Asked, *, answered: bool) -> "Noted":
        """What of it holds now: another build, or other evidence, begins anew.

        PolicyRefused (12) where an answer came to a question of other evidence.
        """
        same = [one.question.evidence == asked.evidence for one in self.given]
        if self.build == asked.build and all(same) and self.question and self.question.evidence != asked.evidence:
            if answered:
                raise PolicyRefused(
                    f"the answer to {self.question.input or self.question.id} is to older evidence"
                    f" ({short(self.question.evidence)}, and now {short(asked.evidence)})",
                    hint="a verdict, the policy or the release changed meanwhile; build again, to be asked anew",
                )
            return Noted(build=asked.build)
        if self.build != asked.build or not all(same):
            return Noted(build=asked.build)
        return self

    def enough(self, rules: Approvals) -> bool:
        """Whether nobody is to be asked any more."""
        return len(self.given) >= rules.count or any(one.override for one in self.given)


def expires(rules: Approvals, now: datetime) -> str:
    """Until when a question that is put now may be answered, and the answer used."""
    return (now + timedelta(hours=rules.hours)).isoformat(timespec="seconds")


def question(asked: Asked, noted: Noted, message: str, now: datetime) -> Question:
    """The next one; `now` has its time zone."""
    rules, number = asked.rules, len(noted.given) + 1
    may = [one for one in rules.approvers if one not in [each.decision.who for each in noted.given]]
    return Question(
        id=f"{asked.environment}-{asked.release.run}-{now:%Y%m%dT%H%M%S}-{number}",
        release=asked.release.digest,
        evidence=asked.evidence,
        environment=asked.environment,
        message=message,
        asked=now.isoformat(timespec="seconds"),
        expires=expires(rules, now),
        approvers=tuple(dict.fromkeys((*may, *rules.override))),
        model=asked.release.model,
        number=number,
        count=rules.count,
        policy=asked.policy,
        build=asked.build if asked.in_jenkins else "",
        input=f"Approve{asked.environment.capitalize()}{number}" if asked.in_jenkins else "",
    )


def must_be_ours(asked: Asked, noted: Noted) -> None:
    """PolicyRefused (12) where what waits is not what would be asked: others can write to the store that it lay in."""
    there = noted.question
    try:
        same = there is None or there == question(asked, noted, there.message, datetime.fromisoformat(there.asked))
    except ValueError:
        same = False
    if not same:
        raise PolicyRefused(
            f"the question about {asked.release} was changed in the store since it was asked",
            hint="build again, and look at who may write to the store of runs",
        )


def judged(asked: Asked, noted: Noted, question: Question, decision: Decision, responsible: Responsible) -> Approval:
    """What the answer is worth; PolicyRefused (12) names the rules that an approval breaks and no override may."""
    decision = msgspec.structs.replace(decision, comment=_printable(decision.comment)[:WORDS])
    if decision.outcome != "approved":  # the name is the build's word alone
        who = _printable(decision.who).replace("\n", " ")[:WHO]
        return Approval(question=question, decision=msgspec.structs.replace(decision, who=who))
    rules, who = asked.rules, decision.who
    if datetime.fromisoformat(decision.time) >= datetime.fromisoformat(question.expires):
        raise _refused(asked, who, (f"it came at {decision.time}, and the question held until {question.expires}",))
    if decision.confirmed == "store" and not rules.outside_jenkins:
        raise _refused(asked, who, ("the policy takes approvals from Jenkins alone",))
    against = separation.against(who, rules, responsible, [one.decision.who for one in noted.given])
    override = bool(against) and who in rules.override
    if override and not decision.comment.strip():
        raise _refused(asked, who, (*against, "and an override takes a comment that says why"))
    if against and not override:
        raise _refused(asked, who, against)
    return Approval(
        question=question, decision=decision, responsible=responsible.ids, against=against, override=override
    )


def ended(asked: Asked, approval: Approval) -> MlagentError:
    """How a stage ends by an answer that is no approval."""
    decision, what = approval.decision, f"{asked.release} for {asked.environment}"
    said = f": {decision.comment}" if decision.comment else ""
    if decision.outcome == "rejected":
        return PolicyRefused(
            f"{decision.who or 'somebody'} rejected {what}{said}", hint="build a better one, or build again to ask anew"
        )
    if decision.outcome == "timed-out":
        return Held(
            f"nobody answered whether {what} may come, until {approval.question.expires}",
            hint="build again: it asks anew, with the evidence of then",
        )
    return Aborted(
        f"the build was stopped while people were asked about {what}{said}", hint="build again: it asks anew"
    )


def asks(question: Question, now: datetime) -> Asks:
    """The end that says what waits, and how it is answered."""
    left = datetime.fromisoformat(question.expires) - now
    which = f" ({question.number} of {question.count})" if question.count > 1 else ""
    return Asks(
        f"an approval{which} for {question.environment} waits until {question.expires}",
        hint=f"`mlagent approvals approve {question.input or question.id}`, or the build's page; then it goes on",
        question=_told(question, max(1, int(left.total_seconds() // 60))),
    )


def _told(question: Question, minutes: int) -> Mapping[str, str | int]:
    told: dict[str, str | int] = {"id": question.input or question.id, "message": question.message, "ok": "Approve"}
    return told | {"submitter": ",".join(question.approvers), "minutes": minutes}


def _refused(asked: Asked, who: str, against: tuple[str, ...]) -> PolicyRefused:
    return PolicyRefused(
        f"the approval of {asked.release} for {asked.environment} by {who} does not count: {'; '.join(against)}",
        hint=f"build again, and ask one of {', '.join(asked.rules.approvers)} who has no part in it",
    )


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in text)
