"""Signs the ledger's checkpoints, and verifies them: by what signs releases, unless the ledger has a key of its own."""

import base64
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlagent import adapters
from mlagent.config.images import Registry
from mlagent.config.ledger import Ledger
from mlagent.config.secret import Secret
from mlagent.config.signer import KEYLESS
from mlagent.core import digest
from mlagent.core.ports.signer import PublicKey, Signer

if TYPE_CHECKING:
    from mlagent.core.ports.signer import Verifier

Sign = Callable[[bytes], tuple[str, str]]
Good = Callable[[bytes, str], bool]


class Keys(Protocol):
    """Of the section `sign`, what is asked of it here."""

    @property
    def key(self) -> Secret | None:
        """A private key."""

    @property
    def password(self) -> Secret | None:
        """Its password."""

    @property
    def service(self) -> str | None:
        """Who keeps one instead."""


class _Held(NamedTuple):
    key: Secret | None
    password: Secret | None
    service: str | None


def sealer(ledger: Ledger, sign: Keys | None, registry: Registry, project: Path) -> Sign | None:
    """Who signs by the key or service of `ledger`, else of `sign`; None where neither names one that can here.

    ConfigError (3) where the key of `ledger` cannot be read here, or is none.
    """
    own = ledger.key or ledger.service
    held = _Held(ledger.key, ledger.password, ledger.service) if own else _of(sign)
    if held is None:
        return None
    named = "ledger" if own else "sign"
    key, password, service = held
    return by(adapters.signer(registry, project, key=key, password=password, service=service, section=named))


def own(ledger: Ledger, sign: Keys | None, registry: Registry, project: Path) -> Mapping[str, PublicKey]:
    """The public halves of the keys of `ledger` and `sign` that can be asked here, by how people call them."""
    sections = {"ledger": _of(ledger), "sign": _of(sign)}
    signers = {
        f"{name}'s own": adapters.signer(registry, project, key=key, password=password, service=service, section=name)
        for name, (key, password, service) in ((name, one) for name, one in sections.items() if one)
    }
    found = {name: one.by() for name, one in signers.items()}
    return {name: by for name, by in found.items() if isinstance(by, PublicKey)}


def _of(sign: Keys | None) -> _Held | None:
    """A certificate is of an identity for minutes, and no key by which a ledger is verified years later.

    A node that promotes need not have the key that signs images.
    """
    if sign is None or sign.service == KEYLESS or not (sign.key or sign.service):
        return None
    there = sign.key is None or sign.key.peek()
    return _Held(sign.key, sign.password, sign.service) if there else None


def by(signer: Signer) -> Sign:
    """A signature in base64 on bytes, and the fingerprint of the public key for people."""

    def sign(data: bytes) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
            file = Path(folder) / "checkpoint.json"
            file.write_bytes(data)
            signature = signer.sign_blob(file).decode()
        who = signer.by()
        return signature, fingerprint(who) if isinstance(who, PublicKey) else ""

    return sign


def good(keys: Mapping[str, PublicKey], registry: Registry, project: Path) -> Good | None:
    """Whether one of these keys signed the bytes; None without any key."""
    return verified_by(adapters.verifier(registry, project), keys) if keys else None


def verified_by(verifier: "Verifier", keys: Mapping[str, PublicKey]) -> Good:
    """The same, with who verifies."""

    def is_good(data: bytes, signature: str) -> bool:
        with tempfile.TemporaryDirectory(prefix="mlagent-") as folder:
            file = Path(folder) / "checkpoint.json"
            file.write_bytes(data)
            return any(verifier.verify_blob(file, signature.encode(), key) for key in keys.values())

    return is_good


def fingerprint(key: PublicKey) -> digest.Digest:
    """As `openssl pkey -pubin -outform DER | sha256sum` prints it."""
    body = re.sub(r"-----[^-]+-----|\s", "", key.pem)
    return digest.of_bytes(base64.b64decode(body))
