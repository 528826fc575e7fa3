"""A layer of an image, the same bytes for the same files: sorted names, fixed times and owners, one compressor.

The compressor is libdeflate, whose output depends neither on the processor nor on the system's zlib. What goes in is
cut into pieces of a fixed size, each a gzip member of its own: memory stays bounded, and members are made in parallel.
"""

import hashlib
import io
import os
import stat
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from mlagent.core import interrupt, oci
from mlagent.core.digest import ALGORITHM
from mlagent.core.oci import Descriptor

MEMBER = 8 << 20  # bytes of the tar in one gzip member; another value gives other digests
LEVEL = 6  # above it, libdeflate takes three times as long for one percent
MOST_THREADS = 8
Source = Path | bytes


class Layer(msgspec.Struct, frozen=True):
    """A layer as a manifest names it, and `diff_id`, the digest of the tar in it."""

    descriptor: Descriptor
    diff_id: str


def pack(files: Mapping[str, Source], to: Path, told: Callable[[int], None] = lambda _: None) -> Layer:
    """Write a layer of these files, by their paths in the image; folders above them are added, all is root's.

    `told` hears how many bytes of the tar are done. Nothing is left at `to` when it fails; an OSError names the file.
    """
    with _writing(to, told) as out:
        with tarfile.open(mode="w|", fileobj=out, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for name in _with_parents(files):
                _add(tar, name, files.get(name))
        return out.end()


def squeeze(tar: Path, to: Path, told: Callable[[int], None] = lambda _: None) -> Layer:
    """Write a layer of a tar that somebody else made, as it is."""
    with _writing(to, told) as out, tar.open("rb") as file:
        while data := file.read(1 << 20):
            out.write(data)
        return out.end()


def of_folder(folder: Path, prefix: str) -> dict[str, Source]:
    """All files under a folder, by their paths in the image."""
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def processors() -> int:
    """How many things to do at once."""
    return min(len(os.sched_getaffinity(0)), MOST_THREADS)


@contextmanager
def _writing(to: Path, told: Callable[[int], None]) -> Iterator["_Members"]:
    """What is written goes to the file, whole or not at all."""
    try:
        with to.open("wb") as raw, ThreadPoolExecutor(processors()) as pool:
            yield _Members(raw, pool, told)
    except BaseException as error:
        to.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            error.filename = str(to)
        raise


def _with_parents(names: Iterable[str]) -> list[str]:
    """Sorted, so that a folder comes before what is in it."""
    found = set(names)
    for name in list(found):
        parts = name.split("/")
        found |= {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    return sorted(found)


def _add(tar: tarfile.TarFile, name: str, source: Source | None) -> None:
    """One entry: a folder where there is no source; whatever its file's mode, anybody may read it."""
    entry = tarfile.TarInfo(name)
    if source is None:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
        return
    entry.mode = 0o644
    if isinstance(source, bytes):
        entry.size = len(source)
        tar.addfile(entry, io.BytesIO(source))
        return
    with source.open("rb") as file:
        status = os.fstat(file.fileno())
        entry.size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise IsADirectoryError(21, "is no regular file", str(source))
        tar.addfile(entry, file)


class _Members:
    """Takes the tar's bytes, writes gzip members in order, and digests both."""

    def __init__(self, file: IO[bytes], pool: ThreadPoolExecutor, told: Callable[[int], None]) -> None:
        from deflate import gzip_compress

        self._file, self._pool, self._told, self._compress = file, pool, told, gzip_compress
        self._plain, self._packed = hashlib.new(ALGORITHM), hashlib.new(ALGORITHM)
        self._waiting: deque[Future[bytearray]] = deque()
        self._buffer = bytearray()
        self._done = self._size = 0

    def write(self, data: bytes) -> int:
        """Take some more; called by tarfile."""
        self._buffer += data
        while len(self._buffer) >= MEMBER:
            self._cut(MEMBER)
        return len(data)

    def end(self) -> Layer:
        """Write what is left."""
        if self._buffer:
            self._cut(len(self._buffer))
        while self._waiting:
            self._put()
        digest = f"{ALGORITHM}:{self._packed.hexdigest()}"
        described = Descriptor(media_type=oci.LAYER, digest=digest, size=self._size)
        return Layer(described, f"{ALGORITHM}:{self._plain.hexdigest()}")

    def _cut(self, size: int) -> None:
        interrupt.check()
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._plain.update(piece)
        self._waiting.append(self._pool.submit(self._compress, piece, LEVEL))
        if len(self._waiting) > processors():
            self._put()
        self._done += size
        self._told(self._done)

    def _put(self) -> None:
        packed = self._waiting.popleft().result()
        self._packed.update(packed)
        self._size += len(packed)
        self._file.write(packed)
