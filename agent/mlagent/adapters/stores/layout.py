"""Where things lie in every store, the same on disk and on S3: a store can be copied from one to the other.

blobs/sha256/ab/<62 hex>   a blob; the first two digits make the folder
named/<name>               a named object
tmp/                       what is being written; never read
"""

import re

from mlagent.core.digest import ALGORITHM
from mlagent.errors import InputError

BLOBS = f"blobs/{ALGORITHM}"
NAMED = "named"
TMP = "tmp"
LONGEST_NAME, LONGEST_PART = 700, 255  # bytes; S3 takes keys of 1024, file systems parts of 255

_DIGEST = re.compile(rf"{ALGORITHM}:([0-9a-f]{{2}})([0-9a-f]{{62}})")
_BLOB = re.compile(rf"(?:.*/)?{BLOBS}/([0-9a-f]{{2}})/([0-9a-f]{{62}})")


def blob(digest: str) -> str:
    """Where the blob of a digest lies; InputError for what is no digest."""
    found = _DIGEST.fullmatch(digest)
    if not found:
        raise InputError(
            f"{digest!r} is not a digest that a store can keep",
            hint=f"a digest is {ALGORITHM}: and 64 lower-case hex digits",
        )
    return f"{BLOBS}/{found[1]}/{found[2]}"


def digest_at(path: str) -> str | None:
    """The digest of the blob that lies there; None where no blob lies."""
    found = _BLOB.fullmatch(path)
    return f"{ALGORITHM}:{found[1]}{found[2]}" if found else None


def named(name: str) -> str:
    """Where a named object lies; InputError for a name that some store could not keep, or that leaves the store."""
    if fault := _fault(name, name.split("/")):
        raise InputError(
            f"{name!r} cannot name an object in a store: {fault}",
            hint="use words divided by `/`, such as runs/0123abcd/run.json",
        )
    return f"{NAMED}/{name}"


def prefix(text: str) -> str:
    """The folder, `named` or below it, that holds all names with a prefix; InputError for one that leaves the store."""
    folder = text.rpartition("/")[0]
    return named(folder) if folder else NAMED


def _fault(name: str, parts: list[str]) -> str:
    if any(part in {"", ".", ".."} for part in parts):
        return "a part of it is empty, `.` or `..`"
    if "\\" in name or not name.isprintable():
        return "it holds a backslash or a character that cannot be printed"
    if len(name.encode()) > LONGEST_NAME or any(len(part.encode()) > LONGEST_PART for part in parts):
        return f"it is longer than {LONGEST_NAME} bytes, or a part of it than {LONGEST_PART}"
    return ""
