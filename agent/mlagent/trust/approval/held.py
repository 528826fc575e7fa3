"""Whether a release shows the approvals that the policy asks for: of this digest, on this evidence, by enough."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from mlagent.core.digest import Digest, short
from mlagent.trust.approval import document
from mlagent.trust.approval.document import Approval
from mlagent.trust.evidence import Evidence, Finding
from mlagent.trust.policy import Approvals, Policy

SHOWN = 5  # reasons why approvals that are there do not count


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a deploy rests on, and which build it is of: an approval of other evidence, or another build, is none."""

    evidence: Digest
    build: str


def judge(evidence: Evidence, policy: Policy, now: datetime, wanted: Wanted | None) -> Iterator[Finding]:
    """A row where the policy asks for approvals; `wanted` is None where nothing is deployed, only looked at."""
    rules = policy.approvals
    if rules is None:
        return
    found, faults = evidence.said(document.TYPE, document.parse)
    asked = f"{rules.count} of {', '.join(rules.approvers)}"
    if not found:
        words, outcome = evidence.absent(document.TYPE, faults)
        yield Finding(what="approval", asked=asked, found=words, outcome=outcome)
        return
    twice = _twice(found)
    against = [(one, [*_against(one, evidence, policy, now, wanted), *_again(one, twice)]) for one in found]
    good = _together([one for one, wrong in against if not wrong])
    enough = len(good) >= rules.count or any(one.override for one in good.values())
    by = "by " + ", ".join(f"{who} (override)" if one.override else who for who, one in sorted(good.items()))
    reasons = [f"{len(good)} of {rules.count}" + (f" ({by})" if good else ""), *_reasons(against, wanted)]
    said = by if enough else "; ".join(reasons[: SHOWN + 1])
    yield Finding(what="approval", asked=asked, found=said, outcome="pass" if enough else "refused")


def _together(good: Sequence[Approval]) -> dict[str, Approval]:
    """Those of one build, by who gave them: the build in which the most agreed, or somebody overrode."""
    builds: dict[str, dict[str, Approval]] = {}
    for one in good:
        builds.setdefault(one.question.build, {})[one.decision.who] = one
    return max(builds.values(), key=lambda all_: (any(one.override for one in all_.values()), len(all_)), default={})


def _reasons(against: Sequence[tuple[Approval, list[str]]], wanted: Wanted | None) -> Iterator[str]:
    """Why the others do not count, each once: first those of this build, the newest before others."""
    bad = sorted(((one, why) for one, why in against if why), key=lambda both: both[0].decision.time, reverse=True)
    bad.sort(key=lambda both: wanted is not None and both[0].question.build != wanted.build)
    yield from dict.fromkeys(f"{_called(one)}: {why[0]}" for one, why in bad)


def _twice(found: Sequence[Approval]) -> frozenset[tuple[str, int]]:
    """Builds with the positions of approvals there that stand for the answers to several questions."""
    questions: dict[tuple[str, int], set[str]] = {}
    for one in found:
        questions.setdefault((one.question.build, one.decision.position), set()).add(one.question.id)
    return frozenset(place for place, ids in questions.items() if place[1] and len(ids) > 1)


def _again(one: Approval, twice: frozenset[tuple[str, int]]) -> Iterator[str]:
    if (one.question.build, one.decision.position) in twice:
        yield "in Jenkins it is the answer to another question, too"


def _called(one: Approval) -> str:
    return f"{one.decision.outcome} by {one.decision.who or 'nobody'} at {one.decision.time}"


def _against(one: Approval, evidence: Evidence, policy: Policy, now: datetime, wanted: Wanted | None) -> Iterator[str]:
    question, decision, rules = one.question, one.decision, policy.approvals
    if rules is None or decision.outcome != "approved":
        yield "no approval"
        return
    if question.environment != policy.environment:
        yield f"of {question.environment}"
    if {question.release, decision.release} != {evidence.digest}:
        yield f"of another digest ({short(question.release)})"
    if decision.question != question.id or decision.evidence != question.evidence:
        yield "it answers another question"
    if question.policy != policy.digest:
        yield f"under another policy ({short(question.policy)}, and now {short(policy.digest)})"
    yield from _person(one, rules)
    if wanted:
        yield from _of_this_deploy(one, now, wanted, rules.hours)


def _person(one: Approval, rules: Approvals) -> Iterator[str]:
    """What the stage that asked has held against them already, held against them once more."""
    who, confirmed = one.decision.who, one.decision.confirmed
    if confirmed != "jenkins" and not (confirmed == "store" and rules.outside_jenkins):
        yield "Jenkins did not confirm it"
    if one.override:
        if who not in rules.override:
            yield f"{who} may not override"
        return
    if who not in rules.approvers:
        yield f"{who} is none of the approvers"
    if who in one.responsible:
        yield f"{who} approved their own work ({one.responsible[who]})"
    elif one.against:
        yield one.against[0]


def _of_this_deploy(one: Approval, now: datetime, wanted: Wanted, hours: float) -> Iterator[str]:
    question = one.question
    if question.evidence != wanted.evidence:
        yield f"of older evidence ({short(question.evidence)}, and now {short(wanted.evidence)})"
    if question.build != wanted.build:
        yield f"of another build ({question.build})"
    if _over(question.expires, now, 0):
        yield f"it held until {question.expires}"
    elif _over(one.decision.time, now, hours):  # the question lay in a store meanwhile, and may have been changed there
        yield f"it was given at {one.decision.time}, more than {hours:g} hours ago"


def _over(time: str, now: datetime, hours: float) -> bool:
    """Whether so many hours have gone since; so they have since what is no time."""
    try:
        return datetime.fromisoformat(time) + timedelta(hours=hours) <= now
    except (ValueError, TypeError):
        return True
