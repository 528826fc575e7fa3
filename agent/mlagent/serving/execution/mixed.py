"""The runner of a plan: quick jobs in the event loop, slow ones in threads, a bounded queue, deadlines."""

import asyncio
from collections.abc import Callable
from functools import partial

from mlagent.serving.execution.batching import alike
from mlagent.serving.execution.inline import Inline
from mlagent.serving.execution.job import Job, Runner
from mlagent.serving.execution.planning import Plan
from mlagent.serving.execution.pool import Pool
from mlagent.serving.execution.samples import rows_tell
from mlagent.serving.faults import Busy
from mlagent.serving.metadata import Model

SWEEP_SECONDS = 0.05


class Mixed:
    """See Runner."""

    def __init__(self, plan: Plan, model: Model, queue: int, window_seconds: float, ran: Callable[[], None]) -> None:
        """See make."""
        compute = partial(model, [one.name for one in model.outputs])
        self._inline_rows, self._queue = plan.inline_rows, queue
        fit = None if rows_tell(model) else alike
        self._inline = Inline(compute, min(plan.batch_rows, plan.inline_rows), fit, window_seconds, ran)
        self._pool = Pool(compute, plan, fit, window_seconds, ran)
        self._loop = asyncio.get_running_loop()
        self._sweeping = False

    @property
    def waiting(self) -> int:
        """See Runner."""
        return self._inline.waiting + self._pool.waiting

    @property
    def running(self) -> int:
        """See Runner."""
        return self._pool.running

    def submit(self, job: Job) -> None:
        """See Runner."""
        if self.waiting >= self._queue:
            raise Busy(self._pool.retry_after)
        if job.rows <= self._inline_rows:
            self._inline.submit(job)
            return
        self._pool.submit(job)
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """See Runner."""
        self._inline.close()
        self._pool.close()

    def _sweep(self) -> None:
        self._pool.sweep()
        self._sweeping = bool(self._pool.waiting or self._pool.running)
        if self._sweeping:
            self._loop.call_later(SWEEP_SECONDS, self._sweep)


def make(
    plan: Plan,
    model: Model,
    *,
    queue: int = 512,
    window_seconds: float = 0.0,
    told: Callable[[], None] = lambda: None,
) -> Runner:
    """The runner of a process, made in its event loop: up to `queue` jobs wait, `told` hears of each inference."""
    return Mixed(plan, model, queue, window_seconds, told)
