"""What a signer has said already: whether it is what it would say now, and whether it would convince anybody."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from mlagent.core.digest import Digest, canonical_json
from mlagent.core.oci import Manifest, Reference
from mlagent.core.ports.signer import By, PublicKey
from mlagent.errors import InputError
from mlagent.trust import keys, statement
from mlagent.trust.evidence import Attested, Evidence, Signed
from mlagent.trust.policy import Asked, Identity, Policy, Required, Rules, Written, policy
from mlagent.trust.verify import Decision, judge

NAME = "sign"


def same(envelope: bytes, predicate: object) -> bool:
    """Whether it says this; which build of the same run said it, and when, makes no difference."""
    try:
        found = statement.parse(statement.opened(envelope)).predicate
    except InputError:
        return False
    return _comparable(found) == _comparable(predicate)


def convinces(
    image: Reference,
    manifest: Manifest,
    by: By,
    signatures: Sequence[Digest],
    envelopes: Mapping[str, Sequence[bytes]],
    subjects: Iterable[str],
    now: datetime,
) -> Decision:
    """The judgement of a policy that asks for this signer, and verdicts of these subjects, of any age.

    Envelopes are given by the type of what they state.
    """
    evidence = Evidence(
        repository=image.repository,
        digest=str(image.digest),
        manifest=manifest,
        signed=Signed(verified={NAME: tuple(signatures)}),
        attested={
            kind: Attested(verified=tuple(statement.parse(statement.opened(one)) for one in found))
            for kind, found in envelopes.items()
        },
    )
    return judge(evidence, _only(by, subjects), now)


def called(by: By) -> str:
    """The signer, for people: a key by its fingerprint."""
    return f"key {keys.key(by.pem).fingerprint}" if isinstance(by, PublicKey) else f"{by.subject} ({by.issuer})"


def _only(by: By, subjects: Iterable[str]) -> Policy:
    whenever = Asked(max_age_days=3650, accept_expired=True)
    rules = Rules(verdicts=dict.fromkeys(subjects, whenever), require=Required(clean_commit=False))
    if isinstance(by, PublicKey):
        return policy(Written(rules=msgspec.structs.replace(rules, keys={NAME: keys.key(by.pem)})))
    identity = Identity(issuer=by.issuer, subject=by.subject)
    return policy(Written(rules=msgspec.structs.replace(rules, identities={NAME: identity})))


def _comparable(predicate: object) -> bytes:
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
