"""A ledger in memory that is written as it must be, and its lines, which a test may change as nobody should."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ENTRIES, HEAD, ObjectLedger
from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact
from mlagent.ledger import checkpoint
from mlagent.ledger.verification import Anchored, Good, Report, verify

KEY, OTHER = b"the ledger's key", b"a thief's key"


def fact(turn: int = 0, **changes: Any) -> Fact:
    """A promotion of another build, a second later each."""
    plain: dict[str, Any] = {
        "what": "promoted",
        "model": "risk",
        "who": "ann",
        "time": moment(turn),
        "release": f"sha256:{turn:064x}",
        "environment": "staging",
        "build": turn,
    }
    return Fact(**(plain | changes))


def moment(second: float) -> str:
    """So many seconds after noon, as the engine's clock writes it."""
    minutes, seconds = divmod(round(second, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"2026-03-01T{12 + hours:02d}:{minutes:02d}:{seconds:06.3f}+00:00"


def chained(facts: Sequence[Fact]) -> list[bytes]:
    """Lines as a ledger writes them."""
    lines: list[bytes] = []
    for number, one in enumerate(facts, 1):
        previous = digest.of_bytes(lines[-1]) if lines else ""
        lines.append(digest.canonical_json(Entry(number=number, previous=previous, fact=one)))
    return lines


class House:
    """A ledger, what is in its store, and who signs its checkpoints."""

    def __init__(self, entries: int = 0) -> None:
        """With so many entries, and no checkpoint."""
        self.store = MemoryStore()
        self.ledger = ObjectLedger(self.store)
        self.write(chained([fact(turn) for turn in range(entries)]))

    def lines(self) -> list[bytes]:
        """All entries, as they are kept."""
        return [one.data for one in self.ledger.kept()]

    def write(self, lines: Sequence[bytes]) -> None:
        """These and no others, each under the number of its place, and a head that fits: as a thief would do it."""
        for name in list(self.store.names(ENTRIES)):
            self.store.remove(name)
        for number, line in enumerate(lines, 1):
            self.store.write(f"{ENTRIES}{number:012d}", line)
        self.store.write(HEAD, b"%d" % len(lines))

    def seal(self, second: float = 0, sign: checkpoint.Sign | None = None) -> Anchored:
        """A checkpoint of what there is, and a copy in other hands."""
        return Anchored("version 3", checkpoint.write(checkpoint.take(self.ledger, moment(second), sign)))

    def verify(self, *anchors: Anchored, good: Good | None = None, demanded: bool = False) -> Report:
        """What `verify` says of it now."""
        return verify(self.ledger, anchors, good, demanded=demanded)


def signing(key: bytes) -> checkpoint.Sign:
    """Sign with a key, as far as a test can tell the difference."""
    return lambda data: (_signature(key, data), hashlib.sha256(key).hexdigest()[:12])


def good(key: bytes) -> Callable[[bytes, str], bool]:
    """Whether it was signed with that key."""
    return lambda data, signature: signature == _signature(key, data)


def _signature(key: bytes, data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(key + data).digest()).decode()
