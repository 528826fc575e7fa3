"""What it means when cosign says no: whose fault it is, and what to do about it."""

import re
from typing import NamedTuple

from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, PolicyRefused

AWAY = re.compile(
    r"dial tcp|no such host|connection re(?:fused|set)|i/o timeout|[Tt]imeout exceeded|TLS handshake timeout"
    r"|context deadline exceeded|broken pipe|TOOMANYREQUESTS|status code (?:429|5\d\d)|server misbehaving"
)
NONE = re.compile(
    r"no (?:matching |valid )?(?:signatures|attestations)\b|none of the attestations matched|found no attestations"
)
BAD_BLOB = re.compile(
    r"invalid signature|Invalid IEEE_P1363|illegal base64|failed to verify signature|could not verify"
)


class Row(NamedTuple):
    """What cosign says, and what that is; `{named}` is what signs, `{said}` its own words."""

    pattern: re.Pattern[str]
    error: type[MlagentError]
    message: str
    hint: str


OPENED = Row(
    re.compile(r"decrypt|inappropriate ioctl"),
    ConfigError,
    "{named} cannot be opened: the password is wrong, or the key is damaged",
    "the key's password is named beside it (password), as a reference",
)
ROWS = (
    OPENED,
    Row(
        re.compile(r"x509|certificate signed by unknown|tls: failed to verify"),
        ConfigError,
        "cosign does not trust the registry's certificate: {said}",
        "name your own authority's certificates (a PEM file) in registry.ca",
    ),
    Row(
        re.compile(r"reading key|\bpem\b|PEM|getting signer|public key|KMS|loading URL|supported scheme"),
        ConfigError,
        "{named} cannot be used: {said}",
        "is the key whole? where a service keeps it: is it up, and may this node's role use the key?",
    ),
    Row(
        re.compile(r"UNAUTHORIZED|unauthorized|status code 401"),
        ConfigError,
        "the registry does not let cosign in: {said}",
        "agent/docs/registry.md says whose credentials count",
    ),
    Row(
        re.compile(r"DENIED|denied|status code 403|UNSUPPORTED|status code 405"),
        PolicyRefused,
        "the registry refuses what cosign writes: {said}",
        "may this login push tags such as sha256-….sig, and push them again (immutable tags)?",
    ),
    Row(AWAY, InfrastructureError, "the registry does not answer cosign: {said}", "the same command may work later"),
    Row(
        re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|status code 404|entity not found"),
        InputError,
        "there is no such image: {said}",
        "`push` puts it there; the image is named by its digest",
    ),
)
OTHER = Row(re.compile(""), InfrastructureError, "cosign failed: {said}", "these are cosign's own words")


def refused(command: str, said: str, named: str) -> MlagentError:
    """The error of the tree; neither `said` nor `named` holds a secret."""
    row = next((one for one in ROWS if one.pattern.search(said)), OTHER)
    words = {"named": named, "said": f"{said} (cosign {command})"}
    return row.error(row.message.format(**words), hint=row.hint)
