"""Every rule of a policy as a row: its value, where that was written, and what it means."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlagent.core import digest
from mlagent.trust import stricter
from mlagent.trust.people import same
from mlagent.trust.policy import NO_FILE, SUBJECTS, Approvals, Policy, Rules, Written

REQUIRED = {
    "provenance": "who built it, from which commit, data and parts, must be attested (SLSA v1)",
    "sbom": "what is in the image must be attested (CycloneDX), and be what the build wrote",
    "clean_commit": "it must be built from a commit, without changes that are not in it",
}
ALLOWED = {
    "repositories": "where the image may lie; * is anything but a slash, ** anything",
    "builders": "who may have built it: the builder's id in the provenance",
}

PEOPLE = {
    "override": ("nobody", "who may approve against a rule, with a comment that says why; it is recorded as one"),
    "robots": ("none", "programs: a build that they start is one that nobody started"),
    "answerable": ("nobody", "who answers for a build that nobody started, as if it were their work"),
}
PRODUCTION = "production"


class Row(NamedTuple):
    """A rule."""

    rule: str
    value: str
    source: str
    about: str


def rows(policy: Policy) -> Iterator[Row]:
    """In the order in which a policy is written."""
    if not policy.keys and not policy.identities:
        yield _row(policy, "keys", "none", "whose signature counts: none, so nothing passes without --key FILE")
    for name, key in policy.keys.items():
        yield _row(policy, f"keys.{name}", digest.short(key.fingerprint), "a signature by this public key counts")
    for name, one in policy.identities.items():
        about = "a signature with this identity's certificate counts"
        yield _row(policy, f"identities.{name}", f"{one.subject} of {one.issuer}", about)
    for name, about in ALLOWED.items():
        groups = getattr(policy, name)
        value = " and ".join(" or ".join(group) for group in groups) or "any"
        yield _row(policy, name, value, about)
    yield from _verdicts(policy)
    for name, about in REQUIRED.items():
        yield _row(policy, f"require.{name}", _word(yes=getattr(policy.require, name)), about)
    about = "signatures must stand in the public log (Rekor), which takes internet"
    yield _row(policy, "transparency_log", _word(yes=policy.transparency_log), about)
    yield from _people(policy, policy.approvals)


def notes(written: Written) -> Iterator[str]:
    """What a file leaves open, though nothing is wrong with it."""
    rules = written.rules
    if not rules.keys and not rules.identities:
        yield "it names no key and no identity: nothing passes without --key FILE"
    for name in ALLOWED:
        if not getattr(rules, name):
            yield f"{name} are not limited: any counts"
    if not stricter.verdicts(rules):
        yield "it asks for no verdict: what no gate has judged passes"
    yield from _unasked(written)


def _verdicts(policy: Policy) -> Iterator[Row]:
    for name in SUBJECTS:
        limit = policy.verdicts.get(name)
        if limit is None:
            about, source = "it counts only where it is there and is no pass", policy.sources.get("verdicts", NO_FILE)
            yield Row(f"verdicts.{name}", "not asked for", source, about)
            continue
        past = "; also past the end it names itself" if limit.accept_expired else ""
        about = f"it must be there, be a pass, and be no older{past}"
        yield _row(policy, f"verdicts.{name}", f"{limit.max_age_days:g} days", about)


def _people(policy: Policy, asked: Approvals | None) -> Iterator[Row]:
    if asked is None:
        yield _row(policy, "approvals", "none", "nobody is asked before a release comes")
    else:
        about = "who may approve, by their ids in Jenkins; never their own work"
        yield _row(policy, "approvals.approvers", ", ".join(asked.approvers), about)
        yield _row(policy, "approvals.count", str(asked.count), "how many different people have to approve")
        about = "how long they are asked; an approval holds until then, too"
        yield _row(policy, "approvals.hours", f"{asked.hours:g}", about)
        for name, (nobody, about) in PEOPLE.items():
            yield _row(policy, f"approvals.{name}", ", ".join(getattr(asked, name)) or nobody, about)
        about = "whether an approval in the store counts, of whom the system says who they are"
        yield _row(policy, "approvals.outside_jenkins", _word(yes=asked.outside_jenkins), about)
        about = "the Jenkins that is asked who approved"
        yield _row(policy, "approvals.controller", asked.controller or "none", about)
    about = "whose work a commit is, by the e-mails in it; an approval of what an unknown author wrote is refused"
    named = policy.authors.items()
    if not named:
        yield _row(policy, "authors", "nobody", about)
    for who, emails in named:
        yield _row(policy, f"authors.{who}", ", ".join(emails), about)


def _unasked(written: Written) -> Iterator[str]:
    """What it leaves open of people, a line for each place that asks them."""
    rules, last = written.rules, written.environments.get(PRODUCTION, Rules())
    if not rules.approvals and not last.approvals:
        yield f"it asks for no approval: nobody is asked before a release comes to {PRODUCTION}"
    for name, one in [
        ("approvals", rules),
        *((f"{name}: approvals", one) for name, one in written.environments.items()),
    ]:
        if one.approvals:
            yield from (f"{name}{said}" for said in _open(one.approvals, rules.authors or {}))


def _open(asked: Approvals, authors: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if not asked.answerable:
        yield ".answerable is empty: an approval of a build that nobody started is refused (a timer, a drift)"
    elif sum(one not in asked.answerable for one in asked.approvers) < asked.count:
        yield ".answerable leaves too few approvers: they may not approve a build that nobody started"
    if not asked.controller:
        yield ".controller is empty: nobody can approve in Jenkins, for it is not said which one is asked"
    if asked.outside_jenkins:
        yield ".outside_jenkins is true: whoever may write to the store can approve as anybody"
    known = {same(one) for one in authors}
    if unknown := [one for one in asked.approvers if same(one) not in known]:
        yield f".approvers have no e-mail in `authors`: {', '.join(unknown)}; what one of them writes is refused"


def _row(policy: Policy, rule: str, value: str, about: str) -> Row:
    return Row(rule, value, policy.sources.get(rule, NO_FILE), about)


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"
