"""By whose keys the ledger's checkpoints count."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import UNSET

from mlagent.core.ports.signer import PublicKey
from mlagent.errors import ConfigError
from mlagent.trust import keys
from mlagent.trust.policy import Written

HINT = "`cosign public-key --key …` prints it"


def keys_of(ledger: str | None, written: Written, sign: str | None, project: Path) -> Mapping[str, PublicKey]:
    """That of `ledger.public_key`; without one the policy's keys; without any that of `sign.public_key`; or none.

    Each by its name for people. ConfigError (3) for a file that holds no public key.
    """
    if ledger:
        return one(project / Path(ledger).expanduser(), f"ledger.public_key ({ledger})")
    if written.rules.keys is not UNSET and written.rules.keys:
        return {f"key {name} of {written.file}": PublicKey(key.pem) for name, key in written.rules.keys.items()}
    return one(project / Path(sign).expanduser(), f"sign.public_key ({sign})") if sign else {}


def one(file: Path, called: str) -> Mapping[str, PublicKey]:
    """The key in a file; `called` is how errors and people call it."""
    try:
        return {called: PublicKey(keys.key(file.read_text()).pem)}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{called}: {error}", hint=HINT) from error
