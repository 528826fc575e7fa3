"""One user's part of a load, and all users of one meter process: who asks when, for what, and what came of it."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mlagent.loadtest.answers import Examiner, Wrong
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Request, Target
from mlagent.loadtest.samples import Samples, Shot, join, settle
from mlagent.loadtest.schedule import Seconds, pieces_of
from mlagent.loadtest.tally import Tally

_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Asked(NamedTuple):
    """What is due next: when, of which target (by its number), and which of its golden rows."""

    due: float
    target: int
    row: int


class Course:
    """When one user asks, of which target, and what it has seen."""

    def __init__(self, moments: Seconds, targets: Sequence[int], rows: Sequence[int], begins: float) -> None:
        """Golden rows are asked for in turn, from the part `begins` (0 .. 1) of them on: users ask for different ones.

        `targets` are those of the moments, `rows` the number of golden rows of each target.
        """
        self.moments, self.shots = moments, list[Shot]()
        self.waiting: float | None = None
        self._targets, self._rows, self._begins = targets, rows, begins

    def next(self) -> Asked | None:
        """What is due next; None after the last."""
        at = len(self.shots)
        if at == len(self.moments):
            return None
        target = self._targets[at]
        rows = self._rows[target]
        return Asked(float(self.moments[at]), target, (int(self._begins * rows) + at) % rows)

    def settled(self, request: Request) -> Samples:
        """All that was due, as rows."""
        return settle(self.moments, self.shots, request.deadline, waiting=self.waiting)


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
    """Where the users of one meter process fetch their courses, and leave what they saw."""

    def __init__(self, request: Request, judges: Sequence[Judge]) -> None:
        """A judge a target."""
        self.request, self.judges, self.tally = request, judges, Tally()
        self.courses = list[Course]()
        self._free = deque[Course]()

    def deal(self, moments: Sequence[Seconds], begins: Sequence[float]) -> None:
        """Lay out a course a user."""
        targets = np.array([one.target for one in self.request.pieces])
        rows = [len(one.bodies) for one in self.judges]
        for own, first in zip(moments, begins, strict=True):
            asked = targets[pieces_of(own, self.request.pieces)].tolist()
            self.courses.append(Course(own, asked, rows, first))
        self._free.extend(self.courses)

    def take(self) -> Course | None:
        """Give the next course; None where all are taken."""
        return self._free.popleft() if self._free else None

    def samples(self) -> Samples:
        """All rows of this process; the worker's number is not known here."""
        rows = join([one.settled(self.request) for one in self.courses])
        rows["piece"] = pieces_of(rows["intended"], self.request.pieces)
        return rows

    @property
    def first_wrong(self) -> Wrong | None:
        """An example of a wrong answer, of the first target that gave one."""
        return next((one.first for one in self.judges if one.first), None)
