"""One writer of named objects at a time: a flock, which the system lets go when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlagent.adapters.stores import disk
from mlagent.errors import InfrastructureError

PATIENCE_S = 30.0
MOUNTS = Path("/proc/self/mountinfo")


@contextmanager
def locked(root: Path, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the store's lock; InfrastructureError when another process does not let it go in time."""
    disk.make_folder(root)
    path = root / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _wait(descriptor, path, time.monotonic() + patience_s)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise InfrastructureError(
                    f"another process has held {path} for too long; it is let go within milliseconds as a rule",
                    hint=f"is a process stopped or stuck? `fuser {path}` names it; end it, then try again",
                ) from None
            time.sleep(0.005)
        else:
            return


def shared_between_machines(folder: Path) -> bool:
    """Whether a flock in this folder is seen by every machine that can see the folder."""
    try:
        mounts = MOUNTS.read_text()
    except OSError:  # not Linux: nothing is known against it
        return True
    return locks_are_shared(mounts, folder)


def locks_are_shared(mounts: str, folder: Path) -> bool:
    """Read the mount table (proc(5), mountinfo): FUSE and some NFS mounts keep locks to themselves."""
    kind, options = "", ""
    longest = -1
    for line in mounts.splitlines():
        mounted, _, source = line.partition(" - ")
        point = Path(mounted.split()[4].encode().decode("unicode_escape"))  # a space is written \040
        if folder.is_relative_to(point) and len(point.parts) >= longest:
            longest = len(point.parts)
            kind, _, options = source.split(maxsplit=2)
    alone = {"nolock", "local_lock=all", "local_lock=flock"} & set(options.split(","))
    return not (kind.startswith("fuse") or (kind.startswith("nfs") and alone))
