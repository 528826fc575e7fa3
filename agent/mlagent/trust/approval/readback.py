"""What a controller itself confirms of an answer that a build passes on: a hint, until this says otherwise."""

from collections.abc import Iterator, Mapping
from typing import cast, get_args

from mlagent.core.digest import short
from mlagent.core.ports.approvals import Decision, Outcome, Question, Seen
from mlagent.errors import PolicyRefused

AGAIN = "nothing was approved; build again, and look at who may change the Jenkinsfile and what runs beside it"


def read_back(question: Question, before: Seen, after: Seen, said: Mapping[str, str], commit: str) -> Decision:
    """The decision, by what was seen before the question was put and after it was answered.

    `said` is what the build passes on (outcome, by, comment), `commit` what this run was built from. PolicyRefused (12)
    names what does not fit. Jenkins keeps who approved, and not who rejected: `confirmed` says which of them it is.
    """
    wrong = [*_build(after, commit), *_order(question, before, after, said), *_said(before, after, said)]
    if wrong:
        raise PolicyRefused(
            f"the answer to {question.input} ({short(question.release)} to {question.environment}) does not count: "
            + "; ".join(wrong),
            hint=AGAIN,
        )
    approved = said["outcome"] == "approved"
    return Decision(
        question=question.id,
        release=question.release,
        evidence=question.evidence,
        outcome=cast("Outcome", said["outcome"]),
        who=after.approvers[-1] if approved else said.get("by", ""),
        time=after.time,
        comment=said.get("comment", ""),
        confirmed="jenkins" if approved else "",
        position=len(after.approvers) if approved else 0,
    )


def must_be_this_build(seen: Seen, commit: str) -> None:
    """PolicyRefused (12) where the build that the environment names cannot be the one that runs here."""
    if wrong := list(_build(seen, commit)):
        raise PolicyRefused(f"BUILD_URL is not of this build: {'; '.join(wrong)}", hint=AGAIN)


def _build(seen: Seen, commit: str) -> Iterator[str]:
    """Another build's approvers are not ours, whatever the environment of this one says it is."""
    if not seen.building:
        yield "the build that it names has ended"
    if commit not in seen.commits:
        built = ", ".join(one[:12] for one in seen.commits) or "nothing that Jenkins knows of"
        yield f"the build that it names builds {built}, and this run is of {commit[:12] or 'no commit'}"


def _order(question: Question, before: Seen, after: Seen, said: Mapping[str, str]) -> Iterator[str]:
    """The list of approvers only grows, by one for each answer, and nothing else is asked meanwhile."""
    if after.approvers[: len(before.approvers)] != before.approvers:
        yield "Jenkins names other approvers of before than it did when this was asked"
    if question.input in after.pending:
        if said.get("outcome") != "approved":
            return  # one that was stopped leaves the list a moment later
        yield "Jenkins still waits for it"
    elif others := sorted({*before.pending, *after.pending} - {question.input}):
        yield f"the build asks other things at the same time ({', '.join(others)}): whose answer is whose is not known"


def _said(before: Seen, after: Seen, said: Mapping[str, str]) -> Iterator[str]:
    outcome, by, new = said.get("outcome", ""), said.get("by", ""), after.approvers[len(before.approvers) :]
    if outcome not in get_args(Outcome):
        yield f"{outcome!r} is no answer"
    elif outcome != "approved" and new:
        yield f"the build says {outcome}, and Jenkins that {', '.join(new)} approved"
    elif outcome == "approved" and not new:
        yield "the build says approved, and Jenkins knows of no approval"
    elif outcome == "approved" and len(new) > 1:
        yield f"Jenkins knows of {len(new)} approvals since it was asked ({', '.join(new)}), one too many"
    elif outcome == "approved" and by and by != new[0]:
        yield f"the build says that {by!r} approved, and Jenkins that {new[0]!r} did"
