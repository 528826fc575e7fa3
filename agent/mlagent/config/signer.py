"""What the sections that name a signer have in common: one of them, and as cosign writes it."""

import re
from typing import Protocol

from mlagent.config.secret import Secret

KEYLESS = "keyless"
_SERVICE = re.compile(rf"{KEYLESS}|(?:awskms|gcpkms|azurekms|hashivault|k8s)://\S+")


class Signing(Protocol):
    """What of the section `sign` says who signs."""

    @property
    def key(self) -> Secret | None:
        """A private key."""

    @property
    def password(self) -> Secret | None:
        """Its password."""

    @property
    def service(self) -> str | None:
        """Who keeps one instead."""

    @property
    def identity(self) -> str | None:
        """With keyless: the subject."""

    @property
    def issuer(self) -> str | None:
        """With keyless: who certifies it."""

    @property
    def transparency_log(self) -> bool:
        """Whether a public log is told, and asked."""


def must_be_one(key: Secret | None, password: Secret | None, service: str | None) -> None:
    """ValueError for two signers, a password of no key, and a service that cosign does not know."""
    if key and service:
        message = "key and service are two signers: give one of them"
        raise ValueError(message)
    if password and not key:
        message = "password is that of a key: give the key, too"
        raise ValueError(message)
    if service and not _SERVICE.fullmatch(service):
        message = f"service {service!r} is none: awskms://…, gcpkms://…, azurekms://…, hashivault://…, k8s://…"
        raise ValueError(f"{message} or {KEYLESS}")
