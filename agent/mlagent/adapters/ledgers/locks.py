"""Who has something to themselves, as a lock on a file of its own: the system lets go of it when its holder dies."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from mlagent.adapters.stores import disk
from mlagent.errors import Held

PATIENCE_SECONDS, PAUSE_SECONDS = 30.0, 0.05


@contextmanager
def holding(folder: Path, what: str, who: str) -> Iterator[None]:
    """Hold it; Held (21) says who has it."""
    with disk.guarded(folder):
        disk.make_folder(folder)
        file = os.open(folder / called(what), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with disk.guarded(folder):
            _wait(file, what, time.monotonic() + PATIENCE_SECONDS)
            os.ftruncate(file, 0)
            os.pwrite(file, named(who).encode(errors="replace"), 0)
        yield
    finally:
        os.close(file)


def called(what: str) -> str:
    """What is held, as the name of a file that no other is taken for."""
    return f"held-{quote(what, safe='')}"


def named(who: str) -> str:
    """The person or program, with the process that acts for it."""
    return f"{who} ({os.getpid()} on {socket.gethostname()})"


def refused(what: str, holder: str) -> Held:
    """What ends who waited in vain."""
    return Held(f"{what} is held by {holder or 'another process'}", hint="the same command tries again")


def _wait(file: int, what: str, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise refused(what, os.pread(file, 1000, 0).decode(errors="replace")) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return
