"""Reads what a release has to show, from its registry: at once, and with as few questions as it takes."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from mlagent.core import digest
from mlagent.core.oci import Manifest, Reference
from mlagent.core.ports.images import Content, ImageRegistry
from mlagent.core.ports.ledger import Ledger, reached
from mlagent.core.ports.signer import By, Identity, PublicKey, Verifier
from mlagent.errors import InputError
from mlagent.trust import origins, provenance, statement, verdicts
from mlagent.trust.approval import document
from mlagent.trust.evidence import Attested, Evidence, Signed
from mlagent.trust.policy import Policy
from mlagent.trust.statement import Statement

KINDS = (provenance.TYPE, origins.SBOM, verdicts.TYPE)  # and approvals, where the policy asks for them


def gather(where: Reference, registry: ImageRegistry, verifier: Verifier, policy: Policy) -> Evidence:
    """Everything about one image by its digest, or by its tag; InputError (4) where there is none, or several in one.

    InfrastructureError (20) where the registry is away, ConfigError (3) where it, or this machine, does not let us.
    """
    tagged = _tagged(where, registry)
    named = msgspec.structs.replace(where, tag=None, digest=where.digest or tagged)
    if named.digest is None:
        raise InputError(
            f"{where} names no image: the registry has no tag {where.tag or 'latest'} there",
            hint="name the image by its digest: NAME@sha256:…, as `push` prints it",
        )
    found = Evidence(
        repository=where.repository,
        digest=named.digest,
        manifest=_manifest(registry.manifest(where.path, named.digest), named),
        tag=where.tag,
        tagged=tagged,
    )
    signed, attested = _verified(named, verifier, signers(policy), _kinds(policy))
    found = msgspec.structs.replace(found, signed=signed, attested=attested)
    return found if _complete(found) else _with_others(found, named, verifier)


def _kinds(policy: Policy) -> tuple[str, ...]:
    return (*KINDS, document.TYPE) if policy.approvals else KINDS


def of_environment(found: Evidence, ledger: Ledger, model: str, environment: str) -> Evidence:
    """The same, with what the environment has reached of this model."""
    return msgspec.structs.replace(found, model=model, reached=reached(ledger, model, environment))


def _tagged(where: Reference, registry: ImageRegistry) -> "digest.Digest | None":
    """What the tag names now; without tag and digest it is `latest`, as everywhere."""
    tag = where.tag or (None if where.digest else "latest")
    there = registry.manifest(where.path, tag) if tag else None
    return digest.of_bytes(there.data) if there else None


def _manifest(there: Content | None, named: Reference) -> Manifest | None:
    if there is None:
        return None
    try:
        return msgspec.json.decode(there.data, type=Manifest)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{named} is no image of one platform: {error}",
            hint="of an image for several platforms name the one that is meant; `push` prints its digest",
        ) from error


def signers(policy: Policy) -> dict[str, By]:
    """Whose signatures count, by the names that the policy gives them."""
    keys: dict[str, By] = {name: PublicKey(key.pem) for name, key in policy.keys.items()}
    return keys | {name: Identity(one.issuer, one.subject) for name, one in policy.identities.items()}


def _verified(
    named: Reference, verifier: Verifier, signers: Mapping[str, By], kinds: Sequence[str]
) -> tuple[Signed, dict[str, Attested]]:
    """Each question waits for a program: all go out at once, of several signers first who signed the image."""
    with ThreadPoolExecutor(4, thread_name_prefix="verify") as pool:
        asked = {name: pool.submit(verifier.signatures, named, by) for name, by in signers.items()}
        names = list(signers)
        if len(names) > 1:
            names = [name for name, one in asked.items() if one.result()] or names
        found = {
            kind: [pool.submit(verifier.attestations, named, kind, signers[name]) for name in names] for kind in kinds
        }
        signed = {name: tuple(digests) for name, one in asked.items() if (digests := one.result())}
        attested = {
            kind: _read(envelope for one in answers for envelope in one.result()) for kind, answers in found.items()
        }
    return Signed(verified=signed), attested


def _read(envelopes: Iterable[bytes]) -> Attested:
    """Statements, and in words what is none."""
    found: list[Statement] = []
    faults: list[str] = []
    for envelope in envelopes:
        try:
            found.append(statement.parse(statement.opened(envelope, "an attestation"), "an attestation"))
        except InputError as error:
            faults.append(error.message)
    return Attested(verified=tuple(found), faults=tuple(dict.fromkeys(faults)))


def _complete(found: Evidence) -> bool:
    whole = all(any(found.digest in one.about() for one in attested.verified) for attested in found.attested.values())
    return whole and bool(found.signed.verified)


def _with_others(found: Evidence, named: Reference, verifier: Verifier) -> Evidence:
    """What is there and does not verify: so that it can be told from what is not there."""
    there = verifier.attached(named)
    others = _read(there.envelopes).verified
    verified = sum(len(one) for one in found.signed.verified.values())
    attested = {
        kind: msgspec.structs.replace(
            one, others=tuple(o for o in others if o.predicate_type == kind and o not in one.verified)
        )
        for kind, one in found.attested.items()
    }
    signed = msgspec.structs.replace(found.signed, others=max(0, there.signatures - verified))
    return msgspec.structs.replace(found, attested=attested, signed=signed)
