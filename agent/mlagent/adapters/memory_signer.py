"""Signatures in lists: shipped, for tests; it passes the same contract tests as cosign. Its keys are no secret."""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mlagent.core.digest import Digest, canonical_json
from mlagent.core.oci import Reference
from mlagent.core.ports.signer import Attached, By, PublicKey

_BEGIN, _END = "-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n"


class Board:
    """What lies beside images, by whomever: signers that share one see what the others wrote."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.signatures: defaultdict[str, list[tuple[Digest, bytes]]] = defaultdict(list)
        self.envelopes: defaultdict[str, list[bytes]] = defaultdict(list)


class MemorySigner:
    """The Signer port, and so the Verifier port; `name` stands for a key pair."""

    def __init__(self, board: Board, name: str = "release") -> None:
        """Whoever has the same board and name is the same signer."""
        self._board, self._name = board, name

    def by(self) -> By:
        """A public key that names its owner."""
        return PublicKey(_BEGIN + base64.b64encode(self._name.encode()).decode() + _END)

    def sign(self, reference: Reference) -> None:
        """Once."""
        made = (str(reference.digest), _seal(self.by(), str(reference.digest).encode()))
        beside = self._board.signatures[_beside(reference)]
        if made not in beside:
            beside.append(made)

    def attest(self, reference: Reference, predicate_type: str, predicate: Path) -> None:
        """Add, as cosign words it."""
        subject = {"name": reference.repository, "digest": dict([str(reference.digest).split(":")])}
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": predicate_type,
            "subject": [subject],
            "predicate": json.loads(predicate.read_bytes()),
        }
        data = json.dumps(statement, sort_keys=True).encode()
        payload, sealed = base64.b64encode(data).decode(), _seal(self.by(), data).decode()
        envelope = {
            "payloadType": "application/vnd.in-toto+json",
            "payload": payload,
            "signatures": [{"keyid": "", "sig": sealed}],
        }
        self._board.envelopes[_beside(reference)].append(json.dumps(envelope).encode())

    def withdraw(self, reference: Reference, envelopes: Sequence[bytes]) -> None:
        """Each of them."""
        beside = self._board.envelopes[_beside(reference)]
        beside[:] = [one for one in beside if one not in envelopes]

    def sign_blob(self, file: Path) -> bytes:
        """Of its bytes."""
        return _seal(self.by(), file.read_bytes())

    def attached(self, reference: Reference) -> Attached:
        """All of it."""
        name = _beside(reference)
        return Attached(len(self._board.signatures[name]), tuple(self._board.envelopes[name]))

    def signatures(self, reference: Reference, by: By) -> Sequence[Digest]:
        """Those by this key on this digest."""
        found = self._board.signatures[_beside(reference)]
        return tuple(one for one, sealed in found if one == reference.digest and sealed == _seal(by, one.encode()))

    def attestations(self, reference: Reference, predicate_type: str, by: By) -> Sequence[bytes]:
        """Those by this key, of this type, about this digest."""
        return tuple(
            one
            for one in self._board.envelopes[_beside(reference)]
            if _good(one, by) and _says(one, predicate_type, str(reference.digest))
        )

    def verify_blob(self, file: Path, signature: bytes, by: By) -> bool:
        """Seal it again."""
        return hmac.compare_digest(signature, _seal(by, file.read_bytes()))


def _beside(reference: Reference) -> str:
    return f"{reference.repository}@{reference.digest}"


def _seal(by: By, data: bytes) -> bytes:
    return base64.b64encode(hmac.digest(canonical_json(list(by)), data, hashlib.sha256))


def _payload(envelope: bytes) -> bytes:
    return base64.b64decode(json.loads(envelope)["payload"])


def _good(envelope: bytes, by: By) -> bool:
    sealed = _seal(by, _payload(envelope)).decode()
    return any(one["sig"] == sealed for one in json.loads(envelope)["signatures"])


def _says(envelope: bytes, predicate_type: str, digest: Digest) -> bool:
    said = json.loads(_payload(envelope))
    about = [f"sha256:{one['digest'].get('sha256')}" for one in said["subject"]]
    return said["predicateType"] == predicate_type and digest in about
