"""What signs: a key that is read here, one that a service keeps, or an identity; and how cosign is told."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from mlagent.config.secret import Secret
from mlagent.errors import ConfigError

KEYLESS = "keyless"
SERVICES: Mapping[str, tuple[str, ...]] = {
    "awskms": ("AWS_",),
    "gcpkms": ("GOOGLE_", "CLOUDSDK_"),
    "azurekms": ("AZURE_",),
    "hashivault": ("VAULT_", "TRANSIT_"),
    "k8s": ("KUBE",),
}
LOG = ("SIGSTORE_", "TUF_")
_PEM = re.compile(r"\s*-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----\s*", re.DOTALL)
_VARIABLE = "SIGNING_KEY"
_MAKE = "`cosign generate-key-pair` makes a pair; give the text of cosign.key"


class Key(NamedTuple):
    """`arguments` hold no secret; `environment` does, and `passed` names what else the child may see, by beginnings."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    passed: tuple[str, ...]
    named: str

    def __repr__(self) -> str:
        """Not the secrets."""
        return f"Key({self.named!r})"

    @property
    def secrets(self) -> frozenset[str]:
        """What may stand in no text: each value, and each line of the key."""
        values = self.environment.values()
        return frozenset(line for one in values for line in (one, *one.splitlines()) if len(line) > 3)


NOBODY = Key((), {}, (), "the public key")


def of(key: Secret | None, password: Secret | None, service: str | None, section: str = "sign") -> Key:
    """ConfigError (3) where the key is not there, or is no private key that cosign takes; `section` names it."""
    if key is None:
        if service == KEYLESS:
            return Key((), {}, (*LOG, "ACTIONS_"), KEYLESS)
        scheme = (service or "").partition("://")[0]
        return Key((f"--key={service}",), {}, SERVICES.get(scheme, ()), f"{section}.service ({service})")
    text = private(key.reveal(), key.reference, section)
    spoken = password.reveal() if password else ""
    return Key(
        (f"--key=env://{_VARIABLE}",), {_VARIABLE: text, "COSIGN_PASSWORD": spoken}, (), _named(key, password, section)
    )


def _named(key: Secret, password: Secret | None, section: str) -> str:
    return f"{section}.key ({key.reference})" + (f" with {section}.password ({password.reference})" if password else "")


def private(text: str, reference: str, section: str = "sign") -> str:
    """The PEM of a private key, its line ends put right, which a form for passwords takes away."""
    found = _PEM.fullmatch(text)
    if found is None:
        raise ConfigError(f"{section}.key ({reference}) is damaged: it is no PEM text, or not all of it", hint=_MAKE)
    kind, body = found[1], "".join(found[2].split())
    if "PRIVATE" not in kind:
        raise ConfigError(f"{section}.key ({reference}) is {kind}, and the private key is asked for", hint=_MAKE)
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", body):
        raise ConfigError(f"{section}.key ({reference}) is damaged: what its lines hold is no base64", hint=_MAKE)
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])
