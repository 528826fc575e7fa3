"""Who may not agree to a release: whoever wrote a part of it, started its build, or answers for it."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from mlagent.core.context import Author
from mlagent.core.ports.approvals import Started
from mlagent.trust.policy import Approvals

PUSHES = ("SCMTriggerCause", "BranchEventCause", "BranchIndexingCause")


class Responsible(msgspec.Struct, frozen=True, kw_only=True):
    """Whose own work it is, by id, with the reason; `unmapped` are authors' e-mails that the policy gives to nobody."""

    ids: Mapping[str, str]
    unmapped: tuple[str, ...] = ()


def responsible(
    authors: Sequence[Author], started: Started, rules: Approvals, names: Mapping[str, tuple[str, ...]]
) -> Responsible:
    """The authors (`names` are e-mails by id), and who started the build: where no person did, who answers for it."""
    by_email = {email.casefold(): who for who, emails in names.items() for email in emails}
    found: dict[str, str] = {}
    unmapped: dict[str, None] = {}
    for one in authors:
        who = by_email.get(one.email.casefold())
        if who is None:
            unmapped[one.email] = None
        else:
            found.setdefault(who, f"author of {one.commit[:12]}")
    people = [one for one in started.users if one not in rules.robots]
    for one in people:
        found.setdefault(one, "started the build")
    pushed = any(kind in PUSHES or "Push" in kind for kind in started.kinds)
    if not people and not (pushed and authors):
        for one in rules.answerable:
            found.setdefault(one, "answers for what no person started")
    return Responsible(ids=found, unmapped=tuple(unmapped))


def against(who: str, rules: Approvals, responsible: Responsible, earlier: Collection[str]) -> tuple[str, ...]:
    """Why this person's approval does not count, in words; nothing where it does."""
    reasons = []
    if who not in rules.approvers:
        reasons.append(f"{who} is none of the approvers ({', '.join(rules.approvers)})")
    if who in responsible.ids:
        reasons.append(f"{who} has a part in it ({responsible.ids[who]})")
    if who in earlier:
        reasons.append(f"{who} has approved it already")
    if responsible.unmapped:
        mails = ", ".join(responsible.unmapped)
        reasons.append(f"the policy does not say whose these authors' e-mails are: {mails}")
    if not responsible.ids and not responsible.unmapped:
        reasons.append("nobody answers for it: no author, nobody who started it, and no approvals.answerable")
    return tuple(reasons)
