"""Nobody approves their own work: whose it is, and what speaks against a person who approved it."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from mlagent.core.context import Author
from mlagent.core.ports.approvals import Started
from mlagent.trust.approval.words import plain
from mlagent.trust.people import same
from mlagent.trust.policy import Approvals

STARTED, ANSWERS, NOBODY = "started the build", "answers for builds that nobody started", "no e-mail"
_NO_PERSON = frozenset({"", "anonymous", "system", "unknown"})  # what Jenkins calls nobody in particular
_PUSHES = ("PushCause", "SCMTriggerCause", "BranchEventCause", "BranchIndexingCause", "GitLabWebHookCause")
SHOWN = 3  # commits, or e-mails, that are named


class Responsible(msgspec.Struct, frozen=True, kw_only=True):
    """Whose own work it is: ids, each with why (`author of 1a2b3c4d5e6f`).

    `unmapped` are authors' e-mails that the policy gives to nobody, with their commits.
    """

    ids: Mapping[str, str]
    unmapped: tuple[str, ...] = ()


def responsible(
    authors: Sequence[Author], started: Started, rules: Approvals, names: Mapping[str, Collection[str]]
) -> Responsible:
    """Authors by `names` (e-mails of each id), who started the build, else who the policy says answers for it."""
    owners = {same(email): who for who, emails in names.items() for email in emails}
    why: dict[str, list[str]] = {}
    unmapped: dict[str, list[str]] = {}
    for one in authors:
        who = owners.get(same(one.email))
        commits = unmapped.setdefault(one.email or one.name, []) if who is None else why.setdefault(who, [])
        commits.append(one.commit[:12])
    reasons = {who: [f"author of {_first(commits)}"] for who, commits in why.items()}
    users = [one for one in started.users if same(one) not in _NO_PERSON]
    people = [one for one in users if not _among(one, rules.robots)]
    pushed = not users and _pushed(started) and any(not _among(one, rules.robots) for one in why)
    by_rule = () if people or pushed else rules.answerable
    for who, reason in [*((one, STARTED) for one in people), *((one, ANSWERS) for one in by_rule)]:
        reasons.setdefault(who, []).append(reason)
    return Responsible(
        ids={who: ", ".join(dict.fromkeys(all_)) for who, all_ in reasons.items()},
        unmapped=tuple(f"{plain(email) or NOBODY} ({_first(commits)})" for email, commits in unmapped.items()),
    )


def against(who: str, rules: Approvals, responsible: Responsible, earlier: Collection[str]) -> tuple[str, ...]:
    """Why an approval by this person does not count, nothing where it does; whether they may override is not asked.

    `earlier` are those who approved the same before.
    """
    return tuple(_against(who, rules, responsible, earlier))


def _against(who: str, rules: Approvals, responsible: Responsible, earlier: Collection[str]) -> Iterator[str]:
    if who not in rules.approvers:
        yield f"{who or 'nobody'} is none of the approvers ({', '.join(rules.approvers)})"
    for one, why in responsible.ids.items():
        if same(one) == same(who):
            yield f"{who} has a part in it ({why})"
    if _among(who, earlier):
        yield f"{who} has approved it already"
    if unmapped := responsible.unmapped:
        more = f" and {len(unmapped) - SHOWN} more" if len(unmapped) > SHOWN else ""
        yield f"the policy does not say whose these authors' e-mails are: {', '.join(unmapped[:SHOWN])}{more}"
    elif all(_among(one, rules.robots) for one in responsible.ids):
        yield "nobody answers for it: no person wrote or started it, and approvals.answerable names none"


def _pushed(started: Started) -> bool:
    """Whether it began for commits that came, and for no other reason besides."""
    return bool(started.kinds) and all(one.endswith(_PUSHES) for one in started.kinds)


def _among(who: str, people: Collection[str]) -> bool:
    return same(who) in {same(one) for one in people}


def _first(commits: Sequence[str]) -> str:
    different = list(dict.fromkeys(commits))
    more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return ", ".join(different[:SHOWN]) + more
