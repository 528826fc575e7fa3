"""Signatures on the ledger's checkpoints: made by the key of `ledger`, else that of `sign`; verified by anybody."""

import base64
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlagent import adapters
from mlagent.core import digest
from mlagent.core.ports.signer import By, PublicKey, Signer
from mlagent.errors import ConfigError

if TYPE_CHECKING:
    from mlagent.config.images import Registry
    from mlagent.config.secret import Secret

KEYLESS = "keyless"


class Keeper(Protocol):
    """What the sections `ledger` and `sign` both say of who signs."""

    @property
    def key(self) -> "Secret | None":
        """The private key."""

    @property
    def password(self) -> "Secret | None":
        """Its password."""

    @property
    def service(self) -> str | None:
        """Who keeps one instead."""


def sealer(
    ledger: Keeper, sign: Keeper, registry: "Registry", project: Path
) -> Callable[[bytes], tuple[str, str]] | None:
    """Signs bytes, and names the key by its fingerprint; None where no key is set, or none that can sign a file.

    Nothing is opened yet; signing raises ConfigError (3) where the key cannot be used.
    """
    named, keeper = ("ledger", ledger) if ledger.key or ledger.service else ("sign", sign)
    if not keeper.key and keeper.service in (None, KEYLESS):
        return None
    signer = adapters.signer(
        registry, project, key=keeper.key, password=keeper.password, service=keeper.service, section=named
    )
    return lambda data: (_signed(signer, data), _fingerprint(signer.by()))


def good(keys: Mapping[str, By], registry: "Registry", project: Path) -> Callable[[bytes, str], bool] | None:
    """Whether one of these keys, by their names for people, signed bytes; None where there is none to verify by."""
    if not keys:
        return None
    verifier = adapters.verifier(registry, project)

    def by_one(data: bytes, signature: str) -> bool:
        with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
            file = Path(folder) / "checkpoint"
            file.write_bytes(data)
            return any(verifier.verify_blob(file, signature.encode(), by) for by in keys.values())

    return by_one


def _signed(signer: Signer, data: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
        file = Path(folder) / "checkpoint"
        file.write_bytes(data)
        return signer.sign_blob(file).decode()


def _fingerprint(by: By) -> str:
    """As `openssl pkey -pubin -in cosign.pub -outform DER | sha256sum` prints it."""
    if not isinstance(by, PublicKey):
        raise ConfigError(f"{by.subject} cannot sign a checkpoint", hint="set ledger.key, or ledger.service")
    return digest.of_bytes(base64.b64decode("".join(by.pem.strip().splitlines()[1:-1])))
