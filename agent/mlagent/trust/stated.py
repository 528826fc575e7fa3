"""What a signer has said already: whether it is what it would say now, and what a policy of it alone would ask."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mlagent.core.digest import canonical_json
from mlagent.core.ports.signer import By, PublicKey
from mlagent.errors import InputError
from mlagent.trust import keys, statement
from mlagent.trust.policy import Asked, Identity, Policy, Required, Rules, Written, policy

NAME = "sign"


def same(envelope: bytes, predicate: object) -> bool:
    """Whether it says this; which build of the same run said it, and when, makes no difference."""
    try:
        found = statement.parse(statement.opened(envelope)).predicate
    except InputError:
        return False
    return comparable(found) == comparable(predicate)


def asked_of(by: By, subjects: Iterable[str]) -> Policy:
    """A policy that asks for nothing but this signer, and verdicts of these subjects, of any age."""
    whenever = Asked(max_age_days=3650, accept_expired=True)
    rules = Rules(verdicts=dict.fromkeys(subjects, whenever), require=Required(clean_commit=False))
    if isinstance(by, PublicKey):
        return policy(Written(rules=msgspec.structs.replace(rules, keys={NAME: keys.key(by.pem)})))
    identity = Identity(issuer=by.issuer, subject=by.subject)
    return policy(Written(rules=msgspec.structs.replace(rules, identities={NAME: identity})))


def called(by: By) -> str:
    """The signer, for people: a key by its fingerprint."""
    return f"key {keys.key(by.pem).fingerprint}" if isinstance(by, PublicKey) else f"{by.subject} ({by.issuer})"


def comparable(predicate: object) -> bytes:
    """Its canonical JSON, without what is about one build of a run alone (`runDetails.metadata`)."""
    if isinstance(predicate, dict) and isinstance(predicate.get("runDetails"), dict):
        details = {name: one for name, one in predicate["runDetails"].items() if name != "metadata"}
        predicate = {**predicate, "runDetails": details}
    return canonical_json(_whole(predicate))


def _whole(value: Any) -> Any:  # noqa: ANN401 - JSON values are of any type
    """1.0 as 1, which is how other languages write it."""
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
