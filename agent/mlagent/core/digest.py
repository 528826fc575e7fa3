"""Content names everything: digests carry their algorithm (`sha256:<64 hex>`), so another can follow one day."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

ALGORITHM = "sha256"
IGNORED = frozenset({".git", ".mlagent", "__pycache__", ".venv", ".pytest_cache", ".ruff_cache", ".mypy_cache"})

Digest = str


def of_bytes(data: bytes) -> Digest:
    """Digest of bytes in memory."""
    return f"{ALGORITHM}:{hashlib.sha256(data).hexdigest()}"


def of_file(path: Path) -> Digest:
    """Digest of a file's bytes, read in blocks; OSError as the system raises it."""
    with path.open("rb") as file:
        return f"{ALGORITHM}:{hashlib.file_digest(file, ALGORITHM).hexdigest()}"


def canonical_json(value: object) -> bytes:
    """One spelling for equal values: sorted keys, no spaces, UTF-8; ValueError for NaN and infinities.

    `value` may hold msgspec structs. Floats keep Python's shortest form (1.0 stays `1.0`).
    """
    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="surrogateescape")  # names of files need not be text


def of_json(value: object) -> Digest:
    """Digest of a value's canonical JSON."""
    return of_bytes(canonical_json(value))


def of_tree(root: Path, *, ignored: frozenset[str] = IGNORED) -> Digest:
    """Digest of a directory: names, executable bits, contents; a link counts by where it points.

    Times, owners and the folder's own name do not count. Entries named in `ignored` are left out at any depth.
    """
    entries = sorted(_entries(root, "", ignored))
    return of_bytes("".join(f"{kind} {len(name)} {name} {digest}\n" for name, kind, digest in entries).encode())


def _entries(folder: Path, prefix: str, ignored: frozenset[str]) -> Iterator[tuple[str, str, Digest]]:
    with os.scandir(folder) as scan:
        for entry in scan:
            if entry.name in ignored:
                continue
            name, path = prefix + entry.name, Path(entry.path)
            if entry.is_symlink():
                yield name, "link", of_bytes(os.fsencode(path.readlink()))
            elif entry.is_dir():
                yield name, "dir", ""
                yield from _entries(path, name + "/", ignored)
            else:
                yield name, "exec" if entry.stat().st_mode & 0o100 else "file", of_file(path)


def short(digest: Digest) -> str:
    """The first twelve hex digits: for people's eyes, never for a comparison."""
    return digest.partition(":")[2][:12]
