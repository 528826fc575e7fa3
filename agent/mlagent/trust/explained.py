"""Every rule of a policy as a row: its value, where that was written, and what it means."""

from collections.abc import Iterator
from typing import NamedTuple

from mlagent.core import digest
from mlagent.trust import stricter
from mlagent.trust.policy import NO_FILE, SUBJECTS, Policy, Written

REQUIRED = {
    "provenance": "who built it, from which commit, data and parts, must be attested (SLSA v1)",
    "sbom": "what is in the image must be attested (CycloneDX), and be what the build wrote",
    "clean_commit": "it must be built from a commit, without changes that are not in it",
}
ALLOWED = {
    "repositories": "where the image may lie; * is anything but a slash, ** anything",
    "builders": "who may have built it: the builder's id in the provenance",
}


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


def _row(policy: Policy, rule: str, value: str, about: str) -> Row:
    return Row(rule, value, policy.sources.get(rule, NO_FILE), about)


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"
