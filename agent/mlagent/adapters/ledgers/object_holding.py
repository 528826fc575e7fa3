"""A name in the store that one process has to itself: it says who and until when, and is renewed while they live."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlagent.adapters.ledgers import locks
from mlagent.core.ports.store import Named, Store
from mlagent.errors import InfrastructureError

HELD_SECONDS, PAUSE_SECONDS = 60.0, 0.1


class _Holder(msgspec.Struct, frozen=True):
    """`machine` and `process` tell those on the same machine at once that the holder is dead."""

    who: str = ""
    until: float = 0.0
    machine: str = ""
    process: int = 0


@contextmanager
def holding(store: Store, name: str, what: str, who: str) -> Iterator[None]:
    """Take it from nobody or from a dead one, else wait; Held (21) says who has it."""
    mine = _Mine(store, name, locks.named(who))
    mine.take(what)
    over = threading.Event()
    thread = threading.Thread(target=mine.renew, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        mine.let_go()


class _Mine:
    def __init__(self, store: Store, name: str, who: str) -> None:
        self._store, self._name, self._who, self._data = store, name, who, b""

    def take(self, what: str) -> None:
        end = time.monotonic() + locks.PATIENCE_SECONDS
        while True:
            there = self._store.read(self._name)
            holder = _read(there)
            if _is_gone(holder) and self._write(there):
                return
            if time.monotonic() > end:
                raise locks.refused(what, holder.who)
            time.sleep(PAUSE_SECONDS)

    def renew(self, over: threading.Event) -> None:
        while not over.wait(HELD_SECONDS / 3):
            try:
                there = self._store.read(self._name)
                if there is None or there.data != self._data or not self._write(there):
                    return
            except InfrastructureError:
                continue  # a store that is away now may answer at the next renewal, before the time is over

    def let_go(self) -> None:
        there = self._store.read(self._name)
        if there and there.data == self._data:
            self._store.swap(self._name, msgspec.json.encode(_Holder()), there.version)

    def _write(self, there: Named | None) -> bool:
        data = msgspec.json.encode(_Holder(self._who, time.time() + HELD_SECONDS, _machine(), os.getpid()))
        if not self._store.swap(self._name, data, there.version if there else None):
            return False
        self._data = data
        return True


def _read(there: Named | None) -> _Holder:
    """Who has it; nobody where what is there cannot be read."""
    try:
        return msgspec.json.decode(there.data, type=_Holder) if there else _Holder()
    except ValueError:
        return _Holder()


def _is_gone(holder: _Holder) -> bool:
    if holder.until < time.time():
        return True
    return bool(holder.machine) and holder.machine == _machine() and not _lives(holder.process)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _machine() -> str:
    """This boot of this machine, and whose processes are seen; empty where the system does not say so."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
