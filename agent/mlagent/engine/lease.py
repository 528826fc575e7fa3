"""One runner at a time holds a run: by a file lock on one machine, by a lease in the store between machines."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

import msgspec

from mlagent.core.ports.store import Store
from mlagent.errors import Held, InfrastructureError, InputError

PATIENCE_SECONDS = 0.2


class Lease(Protocol):
    """Held from when it is taken until `release`; `fence` rises with every taker."""

    fence: int

    def check(self) -> None:
        """Held (21) when it was lost meanwhile."""

    def release(self) -> None:
        """Let the next one have it."""


def me() -> str:
    """Who holds it, for people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class FileLease:
    """A lock on a file: the kernel lets go when the holder dies, so nobody waits for an expiry."""

    @staticmethod
    def holder(path: Path) -> str:
        """Who holds it now, empty for nobody; whoever takes it meanwhile is patient for longer than this looks."""
        try:
            with path.open() as file:
                return "" if _locked(file, fcntl.LOCK_SH) else _holder(file)
        except FileNotFoundError:
            return ""

    def __init__(self, path: Path) -> None:
        """Take it, or Held with who has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+")
        end = time.monotonic() + PATIENCE_SECONDS
        while not _locked(self._file, fcntl.LOCK_EX):
            if time.monotonic() > end:
                said = _holder(self._file)
                self._file.close()
                raise Held(f"the run is held by {said}", hint="wait for it to end, or stop it")
            time.sleep(PATIENCE_SECONDS / 10)
        self._file.truncate(0)
        self._file.write(me())
        self._file.flush()
        self.fence = 0

    def check(self) -> None:
        """A lock is not lost while its holder lives."""

    def release(self) -> None:
        """Close the file, which unlocks it."""
        self._file.close()


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "another process"


class Body(msgspec.Struct, frozen=True):
    """What the lease object says; `expires` is Unix time in seconds."""

    owner: str
    fence: int
    expires: float


class StoreLease:
    """An object in the store with owner, expiry and fence, renewed at a third of its time by a thread.

    The clocks of the machines must agree to much less than `seconds`; whoever is wrong about the time is still stopped
    by the record's version, which every write compares.
    """

    def __init__(self, store: Store, run_id: str, seconds: float, clock: Callable[[], float] = time.time) -> None:
        """Take it when nobody has it or it has expired; else Held with who has it and until when."""
        self._store, self._name, self._seconds, self._clock = store, f"leases/{run_id}", seconds, clock
        self._lost = ""
        self._take()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    @staticmethod
    def holder(store: Store, run_id: str, clock: Callable[[], float] = time.time) -> str:
        """Who holds it now, empty for nobody."""
        named = store.read(f"leases/{run_id}")
        body = _decode(f"leases/{run_id}", named.data) if named else None
        return body.owner if body and body.expires > clock() else ""

    def check(self) -> None:
        """Held (21) when a renewal found another owner, or when it has expired unrenewed."""
        if self._lost or self._clock() > self._body.expires:
            raise Held(
                f"the lease on the run was lost{self._lost}",
                hint="this runner was paused or cut off for longer than the lease; another may go on with the run",
            )

    def release(self) -> None:
        """Let it expire now; the fence stays."""
        self._stop.set()
        self._thread.join()
        if not self._lost:
            self._write(msgspec.structs.replace(self._body, expires=0.0), self._version)

    def _take(self) -> None:
        named = self._store.read(self._name)
        before = _decode(self._name, named.data) if named else None
        if before and before.expires > self._clock():
            left = before.expires - self._clock()
            raise Held(
                f"the run is held by {before.owner}, for {left:.0f} s more unless it renews",
                hint="wait for it to end; a runner that died lets go when its lease expires",
            )
        body = Body(me(), before.fence + 1 if before else 1, self._clock() + self._seconds)
        if not self._write(body, named.version if named else None):
            raise Held("the run was taken by another runner just now", hint="wait for it to end")

    def _write(self, body: Body, version: str | None) -> bool:
        data = msgspec.json.encode(body)
        swapped = self._store.swap(self._name, data, version)
        named = self._store.read(self._name)
        if not swapped or named is None or named.data != data:
            return False
        self._body, self._version, self.fence = body, named.version, body.fence
        return True

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                body = msgspec.structs.replace(self._body, expires=self._clock() + self._seconds)
                if not self._write(body, self._version):
                    self._lost = ": another runner has it"
                    return
            except InfrastructureError:
                continue  # a store out of reach now may answer at the next renewal, before the expiry


def _decode(name: str, data: bytes) -> Body:
    try:
        return msgspec.json.decode(data, type=Body)
    except ValueError as error:
        raise InputError(f"{name} in the store is damaged: {error}", hint="delete it when nobody runs") from error
