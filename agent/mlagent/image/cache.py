"""Layers that were made on this node before, by what they are made of: a new model need not make them again."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from mlagent.core import digest
from mlagent.core.files import write_whole
from mlagent.core.ports.blobs import Blobs
from mlagent.image.layers import Layer

STALE_SECONDS = 86_400.0
LEFT = ".making-"
_Kept = TypeVar("_Kept", bound=msgspec.Struct)


def layer(blobs: Blobs, made_of: object, make: Callable[[Path, Path], Layer]) -> Layer:
    """The layer made of this, from before or now: `make` is given an empty folder, and the file to write."""
    found = read(blobs, "layers", made_of, Layer)
    if found is not None and blobs.has(found.descriptor.digest):
        return found
    with folder(blobs) as work:
        file, inside = work / "layer.tar.gz", work / "files"
        inside.mkdir()
        made = make(inside, file)
        blobs.add(file, made.descriptor.digest)
    write(blobs, "layers", made_of, made)
    return made


def read(blobs: Blobs, kind: str, made_of: object, type_: type[_Kept]) -> _Kept | None:
    """What was written about it; None where that is not there, or cannot be read."""
    try:
        return msgspec.json.decode(_file(blobs, kind, made_of).read_bytes(), type=type_)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write(blobs: Blobs, kind: str, made_of: object, what: msgspec.Struct) -> None:
    """Note it for later builds."""
    path = _file(blobs, kind, made_of)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(what))


@contextmanager
def folder(blobs: Blobs) -> Iterator[Path]:
    """An empty folder on the disk of the pieces, gone afterwards, as are those that killed builds left."""
    for left in blobs.home.glob(f"{LEFT}*"):
        with suppress(FileNotFoundError):  # another build took it away
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=LEFT, dir=blobs.home))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _file(blobs: Blobs, kind: str, made_of: object) -> Path:
    return blobs.home / kind / f"{digest.of_json(made_of).rpartition(':')[2]}.json"
