"""The Ledger port as a file of JSON lines, an entry a line, on a disk that all who write to it share."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count, islice
from pathlib import Path

import msgspec

from mlagent.adapters.ledgers import locks
from mlagent.adapters.ledgers.following import bound, entry_after, is_about, time_of
from mlagent.adapters.ledgers.linefile import LineFile
from mlagent.adapters.stores import disk
from mlagent.adapters.stores.lock import locked
from mlagent.core import digest
from mlagent.core.files import write_whole
from mlagent.core.ports.ledger import Entry, Fact, Head, Kept, decode
from mlagent.errors import InputError

LOOKED_BACK = 64  # entries; clocks of machines differ, so the newest entry need not say the latest time


_ENTRIES = msgspec.json.Decoder(Entry)


class _Link(msgspec.Struct, frozen=True):
    number: int


class _Sealed(msgspec.Struct, frozen=True):
    size: int
    checkpoint: str


class LineLedger:
    """Beside the file stand `.builds`, `.checkpoints`, `.locks` (who writes, who holds what) and `.torn`, if any.

    An entry is written in one piece under a lock and flushed. Its number is its line's: who looks for faults sees
    where a line stands and what it says.
    """

    def __init__(self, path: Path, notice: Callable[[str], None] = lambda _: None) -> None:
        """Open nothing yet; `notice` is told of a line that a killed writer left torn."""
        self._path = path
        self._lines = LineFile(path, _whole, notice)
        self._sealed = LineFile(beside(path, "checkpoints"), _whole, notice)

    def next_build(self) -> int:
        """Count up under the lock."""
        path = beside(self._path, "builds")
        with self._writing():
            text = path.read_text().strip() if path.exists() else "0"
            if not text.isdigit():
                raise InputError(f"{path} holds no number", hint="restore it from a backup")
            write_whole(path, b"%d\n" % (int(text) + 1))
            return int(text) + 1

    def append(self, fact: Fact) -> Entry:
        """Add a line under the lock."""
        with self._writing():
            newest = max(map(time_of, islice(self._lines.backwards(), LOOKED_BACK)), default="")
            entry, data = entry_after(self._head(), fact, newest)
            self._lines.append(data)
            return entry

    def head(self) -> Head:
        """What the last line says."""
        with disk.guarded(self._path):
            return self._head()

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """Read them block by block; the number is that of the line."""
        with disk.guarded(self._path):
            start = self._lines.first(lambda line: _number(line) >= first) if first > 1 else 0
            for lines in self._lines.blocks(start):
                yield from map(Kept, count(first), lines)
                first += len(lines)

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """Look for the quoted names backwards, from where no later line can say `until` any more."""
        needles = _quoted("model", model) + (_quoted("environment", environment) if environment is not None else ())
        limit = bound(until) if until else ""
        with disk.guarded(self._path):
            end = self._lines.first(lambda line: time_of(line) > limit) if until else None
            for line in self._lines.backwards(needles, end):
                entry = _entry(line)
                if is_about(entry.fact, model, environment, until):
                    yield entry

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Hold a lock on a file beside."""
        return locks.holding(beside(self._path, "locks"), what, who)

    def checkpoints(self) -> Iterator[bytes]:
        """Read them line by line."""
        with disk.guarded(self._path):
            kept = [_sealed(line) for lines in self._sealed.blocks() for line in lines]
        yield from (one.checkpoint.encode() for one in sorted(kept, key=lambda one: one.size))

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Add a line with it, unless it is there."""
        with self._writing():
            if checkpoint not in self.checkpoints():
                self._sealed.append(msgspec.json.encode(_Sealed(size, checkpoint.decode())))

    def _head(self) -> Head:
        line = next(self._lines.backwards(), b"")
        if not line:
            return Head()
        number = _number(line) or sum(map(len, self._lines.blocks()))
        return Head(number, digest.of_bytes(line))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with disk.guarded(self._path), locked(beside(self._path, "locks")):
            yield


def beside(path: Path, what: str) -> Path:
    """A file or folder that belongs to a ledger's file."""
    return path.with_name(f"{path.name}.{what}")


def _whole(line: bytes) -> bool:
    """JSON that is cut anywhere is none any more."""
    try:
        msgspec.json.decode(line)
    except ValueError:
        return False
    return True


def _entry(line: bytes) -> Entry:
    try:
        return _ENTRIES.decode(line)
    except ValueError:
        return decode(Kept(_number(line), line))  # which says what is wrong


def _number(line: bytes) -> int:
    """0 where it does not say: who looks for faults names it."""
    try:
        return msgspec.json.decode(line, type=_Link).number
    except ValueError:
        return 0


def _quoted(key: str, value: str) -> tuple[bytes]:
    return (f'"{key}":{json.dumps(value, ensure_ascii=False)}'.encode(errors="surrogateescape"),)


def _sealed(line: bytes) -> _Sealed:
    try:
        return msgspec.json.decode(line, type=_Sealed)
    except ValueError as error:
        raise InputError(
            f"a checkpoint of the ledger cannot be read: {error}", hint="restore the ledger's files from a backup"
        ) from error
