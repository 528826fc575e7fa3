"""Public keys as PEM: read, told from private ones, and named by a fingerprint that people can compare."""

import base64
import binascii
import re

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest

_PEM = re.compile(r"\s*-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----\s*", re.DOTALL)
PUBLIC = "PUBLIC KEY"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A public key; `pem` is its text."""

    pem: str

    @property
    def fingerprint(self) -> Digest:
        """As `openssl pkey -pubin -in cosign.pub -outform DER | sha256sum` prints it."""
        return digest.of_bytes(_der(self.pem))


def key(text: str) -> Key:
    """Read the text of a public key; ValueError says what it is instead, and repeats nothing of it."""
    found = _PEM.fullmatch(text)
    kind = found[1] if found else ""
    if "PRIVATE" in kind:
        message = "this is the private key, which nobody but the signer may have: name the public one (cosign.pub)"
        raise ValueError(message)
    if kind != PUBLIC:
        message = f"this is {'a ' + kind.lower() if kind else 'no PEM text'}, and a public key is asked for"
        raise ValueError(message)
    try:
        _der(text)
    except (binascii.Error, ValueError) as error:
        message = "what stands between the lines BEGIN and END is no base64: was it cut off?"
        raise ValueError(message) from error
    return Key(pem=text)


def _der(pem: str) -> bytes:
    found = _PEM.fullmatch(pem)
    body = "".join(found[2].split()) if found else ""
    return base64.b64decode(body.encode("ascii"), validate=True)
