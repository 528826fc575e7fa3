"""The master's list of its workers: who came, what each is to do, what it told, and whether it is still there."""

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from mlagent.loadtest import wire
from mlagent.loadtest.request import Request
from mlagent.loadtest.result import MeterHealth
from mlagent.loadtest.samples import DTYPE, Samples, join, settle
from mlagent.loadtest.schedule import Seconds, pieces_of
from mlagent.loadtest.tally import Told

SILENT_SECONDS = 10.0
ROWS_PER_SECOND = 100_000  # that a worker surely gathers and sends after its load is over

Alive = Callable[[], bool]


class Member:
    """One worker; `alive` knows of a local one whether its process runs."""

    def __init__(self, number: int, client: str, host: str, alive: Alive) -> None:
        """It came; it has told nothing yet."""
        self.number, self.client, self.host = number, client, host
        self.ready = self.dealt = self.over = self.lost = False
        self.moments: Sequence[Seconds] = ()
        self.told: Told | None = None
        self.report: wire.Report | None = None
        self._alive, self._heard, self._patience = alive, time.monotonic(), SILENT_SECONDS
        self.inbox = wire.Inbox({"report": self._reported})

    def hear(self) -> None:
        """It gave a sign of life."""
        self._heard = time.monotonic()

    def end(self) -> None:
        """Its load is over: now it gathers what it saw, and is silent meanwhile."""
        self.over, self._patience = True, SILENT_SECONDS + self.due / ROWS_PER_SECOND
        self.hear()

    @property
    def due(self) -> int:
        """How many requests it is to send."""
        return sum(len(one) for one in self.moments)

    @property
    def gone(self) -> bool:
        """Whether its process ended, or it was silent for too long."""
        return not self._alive() or time.monotonic() - self._heard > self._patience

    @property
    def done(self) -> bool:
        """Whether nothing more comes from it: it reported, or it is gone, and lost from now on."""
        if self.report is None and self.gone:
            self.lost = True
        return self.lost or self.report is not None

    def samples(self, request: Request) -> Samples:
        """Its rows; of one that is lost, all that was due and is not known to have been sent."""
        if self.report is None:
            rows = join([settle(own, [], request.deadline) for own in self.moments])
            rows["piece"] = pieces_of(rows["intended"], request.pieces)
        else:
            rows = np.frombuffer(self.report.rows, DTYPE).copy()
        rows["worker"] = self.number
        return rows

    def health(self) -> MeterHealth:
        """How it did."""
        found = self.report
        return MeterHealth(
            worker=self.number,
            host=self.host,
            cpu_share=found.cpu_share if found else None,
            cpu_share_max=found.cpu_share_max if found else None,
            lost=self.lost,
        )

    def _reported(self, data: bytes) -> None:
        """Take its report, if it is of all that was due; else it is as good as none, and will be lost."""
        report = msgspec.msgpack.decode(data, type=wire.Report)
        if not self.lost and len(report.rows) == self.due * DTYPE.itemsize:
            self.report = report
