"""Slow jobs, in a bounded number of threads: ONNX Runtime computes without Python's lock, so the event loop goes on."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import ceil, isfinite
from time import perf_counter

from mlagent.serving.execution.batching import Compute, Fit, Told, run, take
from mlagent.serving.execution.job import Job
from mlagent.serving.execution.planning import Plan
from mlagent.serving.faults import Busy, Late

_LEARN = 0.2  # the weight of the last batch in the time that a job takes
_JOIN_SECONDS = 1.0


class Pool:
    """Threads that each take what waits and may be one inference, but leave a share to others that are free too."""

    def __init__(
        self, compute: Compute, plan: Plan, fit: Fit | None, window_seconds: float, ran: Callable[[], None]
    ) -> None:
        """Start the threads with the first job; they wait so many seconds for an inference to be full.

        `ran` hears of each inference.
        """
        self._ran = ran
        self._compute, self._count, self._rows, self._fit = compute, plan.pool, plan.batch_rows, fit
        self._each, self._window = plan.seconds if isfinite(plan.seconds) else 0.0, window_seconds
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._batches: list[list[Job]] = []
        self._threads: list[threading.Thread] = []
        self._idle, self._closed = 0, False

    @property
    def waiting(self) -> int:
        """Jobs that nobody has taken."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Batches that are computed now."""
        return len(self._batches)

    @property
    def retry_after(self) -> int:
        """Whole seconds until those that wait now are done, by what the last ones took."""
        return max(1, ceil(self._each * (self.waiting + self.running) / self._count))

    def submit(self, job: Job) -> None:
        """Have it computed by the next free thread."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        if not self._threads:
            self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._count)]
            for one in self._threads:
                one.start()

    def sweep(self) -> None:
        """Tell jobs that wait that they are not needed any more, and those that are computed that it is too late."""
        now = perf_counter()
        with self._changed:
            why = [(job, job.needless(now)) for job in self._waiting]
            self._waiting = deque(job for job, reason in why if not reason)
            late = [job for batch in self._batches for job in batch if job.deadline < now]
        for job, reason in why:
            if reason:
                job.finish(reason)
        for job in late:
            job.finish(Late())

    def close(self) -> None:
        """Take no more, and wait a moment for what is computed; whoever waited is told Busy."""
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, deque()
            self._changed.notify_all()
        for job in left:
            job.finish(Busy(1, "this server ends"))
        over = perf_counter() + _JOIN_SECONDS
        for one in self._threads:
            one.join(max(0.0, over - perf_counter()))

    def _work(self) -> None:
        dropped: list[Told] = []
        while (batch := self._next(dropped)) is not None:
            begun = perf_counter()
            told = [*dropped, *run(self._compute, batch)]
            dropped.clear()
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._told, batch, told, perf_counter() - begun)

    def _next(self, dropped: list[Told]) -> list[Job] | None:
        """Wait for jobs; none may be left of those that waited. None at the end."""
        with self._changed:
            self._idle += 1
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._window:
                self._changed.wait_for(self._full, self._window)
            share = ceil(len(self._waiting) / self._idle)
            self._idle -= 1
            if self._closed:
                return None
            batch = take(self._waiting, dropped, self._rows, share, self._fit)
            self._batches.append(batch)
            return batch

    def _full(self) -> bool:
        return self._closed or sum(job.rows for job in self._waiting) >= self._rows

    def _told(self, batch: list[Job], told: list[Told], seconds: float) -> None:
        """Back in the event loop."""
        with self._changed:
            self._batches = [one for one in self._batches if one is not batch]
        if batch:
            self._ran()
            self._each += _LEARN * (seconds / len(batch) - self._each)
        now = perf_counter()
        for job, results in told:
            late = job.deadline < now and not isinstance(results, BaseException)
            job.finish(Late() if late else results)
