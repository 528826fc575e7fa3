"""A file while it is being written: locked by its writer, taken over when that one died, renamed when it is whole."""

import fcntl
import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlagent.adapters.stores import disk
from mlagent.errors import InfrastructureError

WORTH_RESUMING = (InfrastructureError, KeyboardInterrupt)


class Partial:
    """An open file under a temporary name, which only its writer may touch."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """The descriptor is open for reading and writing, its file locked."""
        self.descriptor, self.path = descriptor, path

    def empty(self) -> None:
        """Forget what is there."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def size(self) -> int:
        """How many bytes are there."""
        return os.fstat(self.descriptor).st_size

    def digest_into(self, sha: "hashlib._Hash") -> int:
        """Read what is there into a running digest; gives its size, and the next write goes behind it."""
        size = 0
        while data := os.pread(self.descriptor, disk.CHUNK, size):
            sha.update(data)
            size += len(data)
        return os.lseek(self.descriptor, size, os.SEEK_SET)

    def write(self, data: bytes) -> None:
        """Write behind what is there."""
        disk.write_all(self.descriptor, data)

    def become(self, target: Path) -> None:
        """Flush, rename, flush the folder: from here on the target is there, whole."""
        os.fsync(self.descriptor)
        disk.make_folder(target.parent)
        self.path.replace(target)
        disk.flush_folder(target.parent)


@contextmanager
def partial(path: Path, *, resumable: bool = False) -> Iterator[Partial]:
    """Open a temporary file named after `path`; removed on failure.

    `resumable`: a dead writer's bytes are still there, and stay for the next one when infrastructure or a signal
    ends this one; otherwise it starts empty.
    """
    disk.make_folder(path.parent)
    mine = _claim(path)
    try:
        if not resumable:
            mine.empty()
        yield mine
    except BaseException as error:
        if not (resumable and isinstance(error, WORTH_RESUMING)) and _is_still(mine.descriptor, mine.path):
            mine.path.unlink(missing_ok=True)
        raise
    finally:
        os.close(mine.descriptor)


def _claim(path: Path) -> Partial:
    for number in itertools.count():
        # the user's number: on a shared disk nobody can open what another user's dead writer left
        candidate = path.with_name(f"{path.name}.{os.getuid()}-{number}")
        while True:
            descriptor = os.open(candidate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if not _lock(descriptor):
                os.close(descriptor)
                break
            if _is_still(descriptor, candidate):
                return Partial(descriptor, candidate)
            os.close(descriptor)  # its writer has just finished and renamed it
    raise AssertionError


def sweep(folder: Path) -> int:
    """Remove what dead writers left in a folder of temporary files; gives how many there were."""
    removed = 0
    for path in folder.glob("*") if folder.is_dir() else ():
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if _lock(descriptor) and _is_still(descriptor, path):
                path.unlink()
                removed += 1
        finally:
            os.close(descriptor)
    return removed


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
