"""Signatures on images, statements about images, signatures on files: who made them, and whether they are good.

An image is named by its digest; what is said about it lies beside it, in its repository.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from mlagent.core.digest import Digest
from mlagent.core.oci import Reference


class PublicKey(NamedTuple):
    """Who signed, by a key: its text in PEM."""

    pem: str


class Identity(NamedTuple):
    """Who signed without a key of their own: `subject`, as the OIDC provider `issuer` certified it."""

    issuer: str
    subject: str


By = PublicKey | Identity


class Attached(NamedTuple):
    """What lies beside an image, whoever wrote it: the number of signatures, and DSSE envelopes with statements."""

    signatures: int = 0
    envelopes: tuple[bytes, ...] = ()


class Verifier(Protocol):
    """Needs no private key. What does not verify is left out of an answer, and no error.

    ConfigError (3) when this machine lacks what it takes, or the registry does not let us in;
    InfrastructureError (20) when the registry is away.
    """

    def attached(self, reference: Reference) -> Attached:
        """What is there, verified or not."""

    def signatures(self, reference: Reference, by: By) -> Sequence[Digest]:
        """What the signatures that verify name: this image's digest, once for each; empty where none does."""

    def attestations(self, reference: Reference, predicate_type: str, by: By) -> Sequence[bytes]:
        """The DSSE envelopes that verify and state something of this type about this digest."""

    def verify_blob(self, file: Path, signature: bytes, by: By) -> bool:
        """Whether a signature, as `sign_blob` gives it, is one of these bytes."""


class Signer(Verifier, Protocol):
    """Holds, or can ask for, a private key, and never shows it. ConfigError (3) when the key cannot be used."""

    def by(self) -> By:
        """Whom its signatures verify by."""

    def sign(self, reference: Reference) -> None:
        """Sign the image; it asks for nothing that is there, and a second signature by one key is the same one."""

    def attest(self, reference: Reference, predicate_type: str, predicate: Path) -> None:
        """Add a statement with the predicate in a JSON file; those that are there stay."""

    def withdraw(self, reference: Reference, envelopes: Sequence[bytes]) -> None:
        """Take away exactly these statements; does nothing where they are not there."""

    def sign_blob(self, file: Path) -> bytes:
        """A signature on a file's bytes, in base64."""
