"""The Ledger port as named objects of the run's store, one an entry: wherever builds share a store, they share it."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact, Head, Kept, decode
from mlagent.core.ports.store import Store
from mlagent.errors import Held, InputError

ENTRIES, HEAD, BUILDS = "ledger/entries/", "ledger/head", "ledger/builds"
CHECKPOINTS, HOLDERS = "ledger/checkpoints/", "ledger/holders/"
ATTEMPTS = 100
HELD_SECONDS, PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 30.0, 0.1


class _Holder(msgspec.Struct, frozen=True):
    who: str
    until: float


class ObjectLedger:
    """An entry is created under its number and never written again: of two who append at once, one comes second.

    The head says how far it went at least, so that appending need not look through all, and a cut end shows.
    """

    def __init__(self, store: Store) -> None:
        """Open nothing yet."""
        self._store = store

    def next_build(self) -> int:
        """Count up by compare-and-swap."""
        for _ in range(ATTEMPTS):
            before, version = self._count(BUILDS)
            if self._store.swap(BUILDS, b"%d" % (before + 1), version):
                return before + 1
        raise _too_busy()

    def append(self, fact: Fact) -> Entry:
        """Create the first number after the head that is free."""
        number, previous = self._last()
        for _ in range(ATTEMPTS):
            entry = Entry(number=number + 1, previous=previous, fact=fact)
            data = digest.canonical_json(entry)
            if self._store.swap(_name(entry.number), data, None):
                self._store.write(HEAD, b"%d" % entry.number)
                return entry
            number, previous = entry.number, self._digest(entry.number)
        raise _too_busy()

    def head(self) -> Head:
        """The number that was noted last, and what came after it."""
        return Head(*self._last())

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """Read them one by one."""
        for name in self._store.names(ENTRIES):
            number = _number(name)
            if number >= first and (named := self._store.read(name)):
                yield Kept(number, named.data)

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """Read them one by one, from the end."""
        for number in range(self.head().number, 0, -1):
            named = self._store.read(_name(number))
            if named is None:
                raise _missing(number)
            entry = decode(Kept(number, named.data))
            fact = entry.fact
            if fact.model == model and environment in (None, fact.environment) and fact.time <= (until or fact.time):
                yield entry

    @contextmanager
    def holding(self, what: str, who: str) -> Iterator[None]:
        """Write who has it and until when; whoever is dead by then has it no more."""
        name, mine = HOLDERS + what, self._take(HOLDERS + what, f"{who} ({os.getpid()} on {socket.gethostname()})")
        try:
            yield
        finally:
            there = self._store.read(name)
            if there and there.data == mine:
                self._store.swap(name, msgspec.json.encode(_Holder("", 0)), there.version)

    def _take(self, name: str, who: str) -> bytes:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            there = self._store.read(name)
            holder = msgspec.json.decode(there.data, type=_Holder) if there else _Holder("", 0)
            mine = msgspec.json.encode(_Holder(who, time.time() + HELD_SECONDS))
            if holder.until < time.time() and self._store.swap(name, mine, there.version if there else None):
                return mine
            if time.monotonic() > end:
                raise Held(f"{name.removeprefix(HOLDERS)} is held by {holder.who}", hint="the same command tries again")
            time.sleep(PAUSE_SECONDS)

    def checkpoints(self) -> Iterator[bytes]:
        """Read them one by one."""
        for name in self._store.names(CHECKPOINTS):
            if named := self._store.read(name):
                yield named.data

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Create it under its size; two of one size may differ in who signed, so their digest is part of the name."""
        self._store.swap(f"{CHECKPOINTS}{size:012d}-{digest.short(digest.of_bytes(checkpoint))}", checkpoint, None)

    def _last(self) -> tuple[int, str]:
        number = self._head()
        while self._store.read(_name(number + 1)):  # a writer that was killed did not move the head
            number += 1
        return (number, self._digest(number)) if number else (0, "")

    def _head(self) -> int:
        return self._count(HEAD)[0]

    def _count(self, name: str) -> tuple[int, str | None]:
        named = self._store.read(name)
        if named and not named.data.isdigit():
            raise InputError(f"{name} in the store holds no number", hint="restore it from a backup")
        return (int(named.data), named.version) if named else (0, None)

    def _digest(self, number: int) -> str:
        named = self._store.read(_name(number))
        if named is None:
            raise _missing(number)
        return digest.of_bytes(named.data)


def _name(number: int) -> str:
    return f"{ENTRIES}{number:012d}"


def _number(name: str) -> int:
    text = name.removeprefix(ENTRIES)
    if not text.isdigit():
        raise InputError(
            f"{name} in the store is no entry of the ledger", hint="move it away: it does not belong there"
        )
    return int(text)


def _missing(number: int) -> InputError:
    return InputError(
        f"entry {number} of the ledger is missing",
        hint="`mlagent ledger verify` says what else is; restore it from a backup",
    )


def _too_busy() -> Held:
    return Held("others wrote to the ledger faster, every time", hint="give the same command again")
