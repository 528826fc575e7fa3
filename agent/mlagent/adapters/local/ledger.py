"""The Ledger port as one file an entry; each names the digest of the one before."""

from collections.abc import Iterator

import msgspec

from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact
from mlagent.core.ports.store import Store
from mlagent.errors import Held, InputError

ENTRIES, HEAD, BUILDS = "ledger/entries/", "ledger/head", "ledger/builds"
ATTEMPTS = 100


class LocalLedger:
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

    def entries(self) -> Iterator[Entry]:
        """Read them one by one."""
        for name in self._store.names(ENTRIES):
            named = self._store.read(name)
            if named:
                yield _decode(name, named.data)

    def verify(self) -> list[str]:
        """Go through all, in the order of their names."""
        faults: list[str] = []
        expected, previous = 1, ""
        for name in self._store.names(ENTRIES):
            named = self._store.read(name)
            data = named.data if named else b""
            try:
                entry = _decode(name, data)
            except InputError as error:
                faults.append(error.message)
                expected, previous = _number(name) + 1, digest.of_bytes(data)
                continue
            if _number(name) != expected:
                faults.append(f"entry {expected} is missing")
            elif entry.number != expected:
                faults.append(f"entry {expected} says that it is entry {entry.number}: it was moved")
            elif entry.previous != previous:
                faults.append(f"entry {expected} does not follow from the one before: one of the two was changed")
            expected, previous = _number(name) + 1, digest.of_bytes(data)
        if self._head() >= expected:
            faults.append(f"entry {expected} is missing: the ledger once went to entry {self._head()}")
        return faults

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
            raise InputError(
                f"entry {number} of the ledger is missing", hint="`verify` says what else is; restore it from a backup"
            )
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


def _decode(name: str, data: bytes) -> Entry:
    try:
        entry = msgspec.json.decode(data, type=Entry)
    except ValueError as error:
        raise InputError(
            f"entry {_number(name)} of the ledger cannot be read: {error}", hint="restore it from a backup"
        ) from error
    if digest.canonical_json(entry) != data:
        raise InputError(
            f"entry {_number(name)} of the ledger is not as it was written", hint="restore it from a backup"
        )
    return entry


def _too_busy() -> Held:
    return Held("others wrote to the ledger faster, every time", hint="give the same command again")
