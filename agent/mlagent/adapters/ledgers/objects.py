"""The Ledger port as named objects of the run's store, one an entry: wherever builds share a store, they share it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from mlagent.adapters.ledgers import locks, object_holding
from mlagent.adapters.ledgers.following import bound, entry_after, is_about, time_of, too_busy
from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact, Head, Kept, decode
from mlagent.core.ports.store import Store
from mlagent.errors import InputError

ENTRIES, HEAD, BUILDS = "ledger/entries/", "ledger/head", "ledger/builds"
CHECKPOINTS, HOLDERS = "ledger/checkpoints/", "ledger/holders/"
ATTEMPTS = 100


class _Last(NamedTuple):
    """The newest entry, and the latest time that any entry says: clocks of machines differ."""

    head: Head
    newest: str


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
        raise too_busy()

    def append(self, fact: Fact) -> Entry:
        """Create the first number after the head that is free."""
        last = self._last()
        for _ in range(ATTEMPTS):
            entry, data = entry_after(last.head, fact, last.newest)
            if self._store.swap(_name(entry.number), data, None):
                self._store.write(HEAD, f"{entry.number} {max(last.newest, fact.time)}".encode())
                return entry
            last = _Last(_head(entry.number, there := self._data(entry.number)), max(last.newest, time_of(there)))
        raise too_busy()

    def head(self) -> Head:
        """The number that was noted last, and what came after it."""
        return self._last().head

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """Read them one by one."""
        for name in self._store.names(ENTRIES):
            number = _number(name)
            if number >= first and (named := self._store.read(name)):
                yield Kept(number, named.data)

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """Read them one by one, from the end."""
        if until:
            bound(until)  # refuses what is no time
        for number in range(self.head().number, 0, -1):
            entry = decode(Kept(number, self._data(number)))
            if is_about(entry.fact, model, environment, until):
                yield entry

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Write who has it and until when; whoever is dead has it no more."""
        return object_holding.holding(self._store, HOLDERS + locks.called(what), what, who)

    def checkpoints(self) -> Iterator[bytes]:
        """Read them one by one."""
        for name in self._store.names(CHECKPOINTS):
            if named := self._store.read(name):
                yield named.data

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Create it under its size; two of one size may differ in who signed, so their digest is part of the name."""
        self._store.swap(f"{CHECKPOINTS}{size:012d}-{digest.short(digest.of_bytes(checkpoint))}", checkpoint, None)

    def _last(self) -> _Last:
        named = self._store.read(HEAD)
        noted, _, newest = named.data.decode(errors="replace").partition(" ") if named else ("0", "", "")
        number = _digits(HEAD, noted)
        data = self._data(number) if number else b""
        while named := self._store.read(_name(number + 1)):  # a writer that was killed did not move the head
            number, data = number + 1, named.data
            newest = max(newest, time_of(data))
        return _Last(_head(number, data), max(newest, time_of(data)))

    def _count(self, name: str) -> tuple[int, str | None]:
        named = self._store.read(name)
        return (_digits(name, named.data.decode(errors="replace")), named.version) if named else (0, None)

    def _data(self, number: int) -> bytes:
        named = self._store.read(_name(number))
        if named is None:
            raise _missing(number)
        return named.data


def _head(number: int, data: bytes) -> Head:
    return Head(number, digest.of_bytes(data)) if number else Head()


def _digits(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"{name} in the store holds no number", hint="restore it from a backup")
    return int(text)


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
