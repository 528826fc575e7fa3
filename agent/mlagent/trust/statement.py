"""in-toto statements: what is said (the predicate) about what (subjects, by digest), in an envelope that is signed.

https://github.com/in-toto/attestation/tree/main/spec: v1, and v0.1 as cosign writes it; envelopes are DSSE.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.errors import InputError
from mlagent.trust import plain

V01, V1 = "https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"
PAYLOAD = "application/vnd.in-toto+json"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about: digests in hex, by algorithm."""

    name: str = ""
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    """One of either version; they differ in nothing that is used here."""

    type: str
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Any] = {}

    def about(self) -> frozenset[Digest]:
        """The digests it is about, as `sha256:HEX`."""
        found = (one.digest.get(digest.ALGORITHM) for one in self.subject)
        return frozenset(f"{digest.ALGORITHM}:{one}" for one in found if one)


class _Signature(msgspec.Struct, frozen=True, kw_only=True):
    sig: str


class _Envelope(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}
):
    """No other key: to cosign, which checks the signature, `Payload` is `payload`, and the last one counts."""

    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


def parse(data: bytes, named: str = "the statement") -> Statement:
    """Read a statement; InputError (4) in words for whatever is none."""
    found = plain.convert(plain.read(data, named), Statement, named)
    if found.type not in (V01, V1):
        raise InputError(f"{named} is of type {found.type[:80]!r}", hint=f"mlagent reads {V01} and {V1}")
    if not found.subject:
        raise InputError(f"{named} is about nothing: it has no subject", hint="it is not what mlagent or cosign wrote")
    return found


def opened(envelope: bytes, named: str = "the envelope") -> bytes:
    """What a DSSE envelope holds; whether its signatures are good is the signer's to say."""
    found = plain.convert(plain.read(envelope, named), _Envelope, named)
    if found.payload_type != PAYLOAD:
        raise InputError(f"{named} holds {found.payload_type[:80]!r}", hint=f"a statement is {PAYLOAD}")
    if not found.signatures:
        raise InputError(f"{named} has no signature", hint="anybody can have written it")
    try:
        text = found.payload.replace("-", "+").replace("_", "/")  # either alphabet, says DSSE
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise InputError(f"{named}: its payload is no base64", hint="it was cut off or changed") from error


def write(predicate_type: str, predicate: object, subjects: Mapping[str, Digest]) -> bytes:
    """A statement of v1 in canonical JSON; `subjects` are digests by name."""
    about = [{"name": name, "digest": dict([one.split(":", 1)])} for name, one in sorted(subjects.items())]
    whole = {"_type": V1, "subject": about, "predicateType": predicate_type, "predicate": predicate}
    return digest.canonical_json(whole)
