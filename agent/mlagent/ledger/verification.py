"""Whether a ledger is what it was: its own chain, and the checkpoints that lie beside it and in other hands.

The chain shows what was edited, moved or taken out. Who can write everything can chain everything anew, or cut off the
end: that shows by the checkpoints, as far as somebody else keeps one, or a key signed it.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import NamedTuple

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Head, Kept, Ledger
from mlagent.errors import InputError
from mlagent.ledger import witnesses
from mlagent.ledger.chain import BLOCK, Chain
from mlagent.ledger.found import Found
from mlagent.ledger.merkle import Frontier
from mlagent.ledger.witnesses import Anchored, Good

__all__ = ["Anchored", "Good", "Report", "verify"]

Progress = Callable[[int, int], None]


class Report(NamedTuple):
    """What was seen: the number of entries, the digest of the last one, the root of all, the number of checkpoints.

    `faults` are sentences for people; without one the ledger is whole. `notes` say what could not be seen. `keys` has,
    for each fault, what names it as long as just this is wrong. `covered` is how many entries a checkpoint stands for,
    with a good signature where these were looked at.
    """

    size: int
    head: Digest
    root: Digest
    checkpoints: int
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...] = ()
    covered: int = 0


def verify(
    ledger: Ledger,
    anchors: Sequence[Anchored] = (),
    good: Good | None = None,
    progress: Progress | None = None,
    *,
    demanded: bool = False,
) -> Report:
    """Read all of it once, in bounded memory; `anchors` are sealed checkpoints that others keep.

    `good` says whether a signature is good; without it none is looked at. Where one is `demanded`, what others keep
    must be signed, or be covered by what is. `progress` hears how many entries were read,
    of how many. InfrastructureError (20) where the ledger is out of reach.
    """
    found, notes = Found(), list[str]()
    head = _head(ledger, found)  # before the rest: what others add meanwhile is read, and not missed
    saws = witnesses.gathered(ledger, anchors, found, notes)
    passage = _Passage({one.size for one in saws}, found)
    passage.read(ledger, lambda done: progress(done, max(done, head.number)) if progress else None)
    passage.reaches(head)
    believed = witnesses.believed(saws, good, found, notes, demanded=demanded)
    witnesses.fit(believed, passage.roots, passage.frontier.size, found)
    covered = witnesses.covered(believed, passage.roots, signed=good is not None)
    notes += witnesses.uncovered(covered, passage.frontier.size, signed=good is not None)
    return Report(
        size=passage.frontier.size,
        head=passage.newest,
        root=passage.frontier.root(),
        checkpoints=len(saws),
        faults=found.faults(),
        notes=tuple(notes),
        keys=found.keys(),
        covered=covered,
    )


class _Passage:
    """One reading of a ledger: its chain, and at each size that is asked for the root and the last entry's digest."""

    def __init__(self, sizes: Collection[int], found: Found) -> None:
        self.frontier, self.newest = Frontier(), ""
        self.roots: dict[int, tuple[Digest, Digest]] = {0: (self.frontier.root(), "")}
        self._chain, self._found = Chain(found), found
        self._sizes = sorted(sizes, reverse=True)

    def read(self, ledger: Ledger, progress: Callable[[int], None]) -> None:
        kept = ledger.kept()
        try:
            while block := list(islice(kept, BLOCK)):
                self._chain.extend(block)
                self._grow(block)
                progress(self.frontier.size)
        except InputError as error:
            said = f"{error.message}; what comes after entry {self._chain.number} was not read"
            self._found.say(said, f"stop {error.message}")
        self._chain.end()

    def reaches(self, head: Head) -> None:
        """Hold it against what the ledger itself said of its end, before it was read."""
        number = self._chain.number
        if max(number, self.frontier.size) < head.number:
            said = f"the ledger was cut off: it ends with entry {number}, and its head is entry {head.number}"
            self._found.say(said, f"head {head.number} {head.digest}")
        elif number == head.number and self.newest != head.digest:
            said = f"entry {number} is not the one that the head of the ledger names"
            self._found.say(said, f"head {head.number} {head.digest}")

    def _grow(self, block: list[Kept]) -> None:
        while block:
            before = self.frontier.size
            while self._sizes and self._sizes[-1] <= before:
                self._sizes.pop()
            until = self._sizes[-1] - before if self._sizes else len(block)
            part, block = block[:until], block[until:]
            self.frontier.extend([one.data for one in part])
            self.newest = digest.of_bytes(part[-1].data)
            self.roots[self.frontier.size] = (self.frontier.root(), self.newest)


def _head(ledger: Ledger, found: Found) -> Head:
    try:
        return ledger.head()
    except InputError as error:
        found.say(f"the end of the ledger is not what it was: {error.message}", f"head {error.message}")
        return Head()
