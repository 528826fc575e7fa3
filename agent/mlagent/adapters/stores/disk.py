"""How bytes reach a disk and stay there: copies that are digested, folders that are flushed, errors in words."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlagent.core.digest import ALGORITHM, Digest
from mlagent.errors import InfrastructureError

CHUNK = 4 << 20
NOT_BY_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_ALLOWED = {errno.EACCES, errno.EPERM}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR}


def copied(source: int, target: int) -> Digest:
    """Copy all of one open file into another, empty and open for reading too; the digest is that of the copy.

    The kernel copies where it can: on XFS and btrfs the two then share their blocks until one is written to.
    """
    sha, offset, buffer = hashlib.sha256(), 0, memoryview(bytearray(CHUNK))
    while count := _by_kernel(source, target) or _by_hand(source, target, buffer):
        sha.update(buffer[: os.preadv(target, [buffer[:count]], offset)])
        offset += count
    return f"{ALGORITHM}:{sha.hexdigest()}"


def _by_kernel(source: int, target: int) -> int:
    try:
        return os.copy_file_range(source, target, CHUNK)
    except AttributeError:  # not Linux
        return 0
    except OSError as error:
        if error.errno in NOT_BY_KERNEL:
            return 0
        raise


def _by_hand(source: int, target: int, buffer: memoryview) -> int:
    count = os.readv(source, [buffer])
    write_all(target, buffer[:count])
    return count


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write every byte, or raise OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries: a rename into it is then final."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def guarded(where: Path) -> Iterator[None]:
    """Turn the system's errors into InfrastructureError, with what to do about them."""
    try:
        yield
    except OSError as error:
        path = error.filename2 or error.filename or where
        raise InfrastructureError(f"{path} cannot be used: {error.strerror or error}", hint=_hint(error)) from error


def _hint(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return "make room on that disk, then give the same command again; nothing half-written was kept"
    if error.errno == errno.EROFS:
        return "that file system is mounted read-only: mount it writable, or set another folder"
    if error.errno in IN_THE_WAY:
        return "a file stands where a folder should be: move it away, or set another folder"
    if error.errno in NOT_ALLOWED:
        return "may this user write there? see the owner and mode of the folder"
    return "is that disk or network file system healthy and mounted?"
