"""What the users of one meter process have before them: who asks next, when, for what, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlagent.loadtest.answers import Examiner, Wrong
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Request, Target
from mlagent.loadtest.samples import Samples, Shot, settle
from mlagent.loadtest.schedule import Seconds, pieces_of
from mlagent.loadtest.tally import Tally

_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Asked(NamedTuple):
    """A request: its number, when it is due, of which target (by its number), and which of its golden rows."""

    number: int
    due: float
    target: int
    row: int


class Judge:
    """Looks at every answer of one target, and remembers the first that was wrong."""

    def __init__(self, target: Target, golden: Sequence[Golden], tolerance: float, headers: Mapping[str, str]) -> None:
        """Make all bodies now: none is to be made while the clock runs; `headers` go along with each."""
        self.target, self.bodies = target, [one.body for one in golden]
        self.headers = {**_HEADERS, **headers}
        self.first: Wrong | None = None
        self._examine = Examiner(golden, tolerance)

    def wrong(self, row: int, body: bytes) -> bool:
        """Whether this is no right answer to the row."""
        found = self._examine(row, body)
        self.first = self.first or found
        return found is not None


class Desk:
    """All that is due of one meter process, in its order: a user that is free takes what is due next.

    So a slow answer holds up no other request, as long as a user is free.
    """

    def __init__(self, request: Request, judges: Sequence[Judge]) -> None:
        """A judge a target."""
        self.request, self.judges, self.tally = request, judges, Tally()
        self.shots = list[Shot | None]()
        self._moments: Seconds = np.zeros(0)
        self._asked = iter(list[Asked]())
        self._users = 0

    def deal(self, moments: Sequence[Seconds], begins: float) -> None:
        """Lay out all that is due; golden rows are asked for in turn, from the part `begins` (0 .. 1) of them on."""
        self._users = len(moments)
        self._moments = np.sort(np.concatenate([*moments, np.zeros(0)]))
        self.shots = [None] * len(self._moments)
        rows = [len(one.bodies) for one in self.judges]
        targets = np.array([one.target for one in self.request.pieces])[pieces_of(self._moments, self.request.pieces)]
        self._asked = iter(
            [
                Asked(number, due, target, (int(begins * rows[target]) + number) % rows[target])
                for number, (due, target) in enumerate(zip(self._moments.tolist(), targets.tolist(), strict=True))
            ]
        )

    def take(self) -> Asked | None:
        """Give what is due next; None after the last."""
        return next(self._asked, None)

    def close(self) -> None:
        """Give nothing more, and forget what comes from now on: time is up."""
        self._asked, self.shots = iter(list[Asked]()), list(self.shots)

    def samples(self) -> Samples:
        """All rows of this process; the worker's number is not known here."""
        rows = settle(self._moments, self.shots, self.request.deadline, users=self._users)
        rows["piece"] = pieces_of(rows["intended"], self.request.pieces)
        return rows

    @property
    def first_wrong(self) -> Wrong | None:
        """An example of a wrong answer, of the first target that gave one."""
        return next((one.first for one in self.judges if one.first), None)
