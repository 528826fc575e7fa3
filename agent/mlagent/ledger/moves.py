"""The moves of a model as the ledger tells them: which version each brought where, and what its tags must say then."""

from collections.abc import Mapping
from itertools import takewhile

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import MOVES, Entry, Ledger

STAGES = {"staging": "Staging", "production": "Production"}
FIRST = "Development"
NOWHERE = "nowhere"


def stamp(entry: Entry) -> str:
    """What the tag `ledger.ENVIRONMENT` of a version says of the entry that brought it there."""
    return f"{entry.number} {digest.of_json(entry)}"


def tag(environment: str) -> str:
    """The tag that a move ends with: where it is not there, the move was cut off."""
    return f"ledger.{environment}"


def version(entry: Entry) -> int | None:
    """The version that it moved; None where the registry did not know the release."""
    text = entry.fact.details.get("version", "")
    return int(text) if text.isdecimal() else None


def labels(entry: Entry, highest: str) -> Mapping[str, str]:
    """What the version is told beside the alias."""
    details = entry.fact.details
    found = {"stage": highest, "release": entry.fact.release, "record": details.get("record", "")}
    return {name: text for name, text in found.items() if text}


def pointed_before(entry: Entry) -> int | None:
    """Where the alias was when the move was written down; None for nowhere."""
    text = entry.fact.details.get("pointed", "")
    return int(text) if text.isdecimal() else None


class Moves:
    """Read once; the newest first."""

    def __init__(self, ledger: Ledger, model: str) -> None:
        """Read what is about the model."""
        self.ledger, self.model = ledger, model
        self.all: list[Entry] = []
        self.releases: set[Digest] = set()  # all that the ledger knows something of
        self._last = 0
        for one in ledger.about(model):  # of a long ledger not all stays in memory
            self._last = max(self._last, one.number)
            self.releases.add(one.fact.release)
            if one.fact.what in MOVES:
                self.all.append(one)

    def gone_on(self) -> bool:
        """Whether the model was moved since this was read."""
        new = takewhile(lambda one: one.number > self._last, self.ledger.about(self.model))
        return any(one.fact.what in MOVES for one in new)

    def of(self, environment: str) -> list[Entry]:
        """Those of an environment, the newest first."""
        return [one for one in self.all if one.fact.environment == environment]

    def newest(self, environment: str) -> Entry | None:
        """What is there now, as the ledger says."""
        return next(iter(self.of(environment)), None)

    def by_version(self, environment: str | None = None) -> dict[int, Entry]:
        """The newest move of each version, to an environment or to any."""
        found: dict[int, Entry] = {}
        for one in self.all if environment is None else self.of(environment):
            if (number := version(one)) is not None:
                found.setdefault(number, one)
        return found

    def highest(self, number: int) -> str:
        """The furthest stage that a version has reached."""
        reached = {one.fact.environment for one in self.all if version(one) == number}
        return next((STAGES[one] for one in reversed(STAGES) if one in reached), FIRST)

    def stamped(self, entry: Entry, text: str) -> bool:
        """Whether a tag names this entry; one that an older mlagent wrote is held against what is kept."""
        if text == stamp(entry):
            return True
        kept = next(iter(self.ledger.kept(entry.number)), None)
        return kept is not None and text == f"{entry.number} {digest.of_bytes(kept.data)}"
