"""Files appear whole or not at all: each is written beside its place, flushed to disk and renamed into it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes `path`'s place only when the block ends well; OSError as the system says."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write sorted, indented JSON; ValueError for NaN and infinities, which JSON does not have."""
    with whole(path) as file:
        file.write(json.dumps(value, sort_keys=True, indent=2, allow_nan=False).encode() + b"\n")


def replace(path: Path, value: Mapping[str, object]) -> None:
    """Write JSON that is soon written anew: never seen half written, not flushed to disk."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    partial.write_bytes(json.dumps(value, allow_nan=False).encode())
    partial.replace(path)


def append_line(path: Path, value: Mapping[str, object]) -> None:
    """Append one line of JSON in a single write, so that a reader sees it whole and at once."""
    line = json.dumps(value, allow_nan=False).encode() + b"\n"
    with path.open("ab", buffering=0) as file:
        file.write(line)


def clear(folder: Path, names: tuple[str, ...]) -> None:
    """Remove what an earlier attempt left under these names, and every partial file."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    drop_partials(folder)


def drop_partials(folder: Path) -> None:
    """Remove files that were being written when something ended the process."""
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
