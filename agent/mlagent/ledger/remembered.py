"""A ledger of which the moves of a model are read once: for who has the model's lock, and asks again and again."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from mlagent.core.ports.ledger import MOVES, Entry, Fact, Head, Kept, Ledger

ASKED = (*MOVES, "deployed", "acknowledged")


class Remembered:
    """The Ledger port; of the model it tells of moves, deploys and acknowledgements alone.

    What others append meanwhile is not seen, and no move can be among that.
    """

    def __init__(self, ledger: Ledger, model: str) -> None:
        """Read nothing yet."""
        self._ledger, self._model = ledger, model
        self._entries: list[Entry] | None = None  # the newest first

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """From memory, where it is this model."""
        if model != self._model:
            return self._ledger.about(model, environment, until=until)
        if self._entries is None:
            self._entries = [one for one in self._ledger.about(model) if one.fact.what in ASKED]
        facts = ((one, one.fact) for one in tuple(self._entries))
        return (
            one for one, fact in facts if environment in (None, fact.environment) and fact.time <= (until or fact.time)
        )

    def append(self, fact: Fact) -> Entry:
        """Append, and remember."""
        entry = self._ledger.append(fact)
        if self._entries is not None and fact.model == self._model and fact.what in ASKED:
            self._entries.insert(0, entry)
        return entry

    def next_build(self) -> int:
        """Ask."""
        return self._ledger.next_build()

    def head(self) -> Head:
        """Ask."""
        return self._ledger.head()

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """Ask."""
        return self._ledger.kept(first)

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Ask."""
        return self._ledger.holding(what, who)

    def checkpoints(self) -> Iterator[bytes]:
        """Ask."""
        return self._ledger.checkpoints()

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Ask."""
        self._ledger.seal(size, checkpoint)
