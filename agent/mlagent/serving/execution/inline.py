"""Quick jobs, in the event loop: a thread would cost more than they do."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from mlagent.serving.execution.batching import Compute, Fit, Told, run, take
from mlagent.serving.execution.job import Job
from mlagent.serving.faults import Busy

_TURN_SECONDS = 0.002  # then the event loop looks at its sockets


class Inline:
    """Computes what one turn of the event loop brings together, up to `rows` rows of jobs that `fit` at a time."""

    def __init__(
        self, compute: Compute, rows: int, fit: Fit | None, window_seconds: float, ran: Callable[[], None]
    ) -> None:
        """Wait for more until this turn is over, or so many seconds; `ran` hears of each inference."""
        self._ran = ran
        self._compute, self._rows, self._fit, self._window = compute, rows, fit, window_seconds
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Job] = deque()
        self._planned = False

    @property
    def waiting(self) -> int:
        """Jobs that are not computed yet."""
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Have it computed in the next turn, or when the window is over or an inference full."""
        self._waiting.append(job)
        if not self._planned:
            self._planned = True
            if self._window:
                self._loop.call_later(self._window, self._turn)
            else:
                self._loop.call_soon(self._turn)
        elif self._window and len(self._waiting) == self._rows:
            self._loop.call_soon(self._turn)

    def close(self) -> None:
        """Compute no more: whoever waits is told Busy."""
        while self._waiting:
            self._waiting.popleft().finish(Busy(1, "this server ends"))

    def _turn(self) -> None:
        over = perf_counter() + _TURN_SECONDS
        while self._waiting and perf_counter() < over:
            if len(self._waiting) == 1:
                self._one(self._waiting.popleft())
            else:
                self._some()
        self._planned = bool(self._waiting)
        if self._planned:
            self._loop.call_soon(self._turn)

    def _one(self, job: Job) -> None:
        why = job.needless(perf_counter())
        if why:
            job.finish(why)
            return
        self._ran()
        try:
            results = self._compute(job.arrays)
        except Exception as error:  # noqa: BLE001  handed to who asked
            job.finish(error)
        else:
            job.finish(results)

    def _some(self) -> None:
        told: list[Told] = []
        batch = take(self._waiting, told, self._rows, len(self._waiting), self._fit)
        told += run(self._compute, batch)
        self._ran()
        for job, results in told:
            job.finish(results)
