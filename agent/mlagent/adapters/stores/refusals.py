"""What every store says when it cannot keep or give a blob, in one wording."""

from pathlib import Path

from mlagent.core.ports.store import CorruptBlob, MissingBlob
from mlagent.errors import InputError


def wrong_digest(source: Path, digest: str, found: str) -> InputError:
    """The file to keep is not what it was said to be."""
    return InputError(
        f"{source} was to be kept as {digest}, but its bytes have the digest {found}; nothing was kept",
        hint="did something write to the file meanwhile? run the stage that made it again",
    )


def no_source(source: Path, error: OSError) -> InputError:
    """The file to keep cannot be read."""
    return InputError(
        f"{source} was to be kept in the store but cannot be read: {error.strerror}",
        hint="run the stage that makes it again",
    )


def missing(where: str, digest: str) -> MissingBlob:
    """There is no such blob."""
    return MissingBlob(f"the store {where} does not hold {digest}", hint="run the stage that makes it again")


def corrupt(where: str, digest: str, found: str) -> CorruptBlob:
    """The blob's bytes are not those that its name says."""
    return CorruptBlob(
        f"a blob of the store {where} was corrupt and has been dropped: {digest} had bytes with the digest {found}",
        hint="give the same command again: what is missing is made again; if it repeats, the storage is failing",
    )
