"""What the ledger is told of an answer."""

from collections.abc import Iterator

from mlagent.core.ports.ledger import Fact, Ledger, What
from mlagent.core.release import Release
from mlagent.trust.approval.document import Approval

NOBODY = "nobody"


def facts(approval: Approval, release: Release) -> Iterator[Fact]:
    """The answer, under its own name (approved, rejected, timed-out, aborted), and what it overrode."""
    question, decision = approval.question, approval.decision
    details = {
        "question": question.id,
        "which": f"{question.number} of {question.count}",
        "evidence": question.evidence,
        "policy": question.policy,
        "asked": question.asked,
        "where": question.build,
        "input": question.input,
        "confirmed": decision.confirmed or "by nobody: the build says so",
        "comment": decision.comment,
        "responsible": "; ".join(f"{who}: {why}" for who, why in sorted(approval.responsible.items())),
    }
    yield _fact(approval, release, decision.outcome, details)
    if approval.override:
        said = {"what": f"approve@{question.environment}: {'; '.join(approval.against)}", "reason": decision.comment}
        yield _fact(approval, release, "overridden", {"question": question.id, **said})


def tell(ledger: Ledger, approval: Approval, release: Release) -> None:
    """Append what the ledger does not say yet of this question, by this person."""
    there = {
        (one.fact.what, one.fact.who)
        for one in ledger.about(release.model, approval.question.environment)
        if one.fact.details.get("question") == approval.question.id
    }
    for fact in facts(approval, release):
        if (fact.what, fact.who) not in there:
            ledger.append(fact)


def _fact(approval: Approval, release: Release, what: What, details: dict[str, str]) -> Fact:
    return Fact(
        what=what,
        model=release.model,
        who=approval.decision.who or NOBODY,
        time=approval.decision.time,
        release=release.digest,
        environment=approval.question.environment,
        build=release.build,
        run=release.run,
        details={name: text for name, text in details.items() if text},
    )
