"""What is to be computed, and who computes it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mlagent.serving.faults import Gone, Late
from mlagent.serving.metadata import Array

Results = Sequence[Array] | BaseException
_LOG = logging.getLogger(__name__)


class Job:
    """One request's inputs: `rows` rows, wanted by `deadline` (perf_counter(), inf for whenever).

    `done` is called once, in the event loop, with all outputs of the model in their order, or with what went wrong.
    `gone` says whether the client has left; then nothing is computed.
    """

    __slots__ = ("arrays", "deadline", "done", "gone", "rows")

    def __init__(
        self,
        arrays: Mapping[str, Array],
        rows: int,
        deadline: float,
        done: Callable[[Results], None],
        gone: Callable[[], bool],
    ) -> None:
        """Say what is wanted."""
        self.arrays, self.rows, self.deadline, self.done, self.gone = arrays, rows, deadline, done, gone

    def finish(self, results: Results) -> None:
        """Call `done`, the first time; what it raises is its own fault and holds up no other job."""
        done, self.done = self.done, _nobody
        try:
            done(results)
        except Exception:  # noqa: BLE001  logged
            _LOG.exception("an answer could not be given")

    @property
    def finished(self) -> bool:
        """Whether it has been told."""
        return self.done is _nobody

    def needless(self, now: float) -> Gone | Late | None:
        """Why it need not be computed, if so."""
        if self.gone():
            return Gone()
        return Late() if self.deadline < now else None


class Runner(Protocol):
    """Computes jobs; called in the event loop."""

    @property
    def waiting(self) -> int:
        """Jobs whose computing has not begun."""

    @property
    def running(self) -> int:
        """Inferences that run now, in threads."""

    def submit(self, job: Job) -> None:
        """Have it computed, later; Busy when too many wait."""

    def close(self) -> None:
        """Compute no more: whoever waits still is told Busy."""


def _nobody(_: Results) -> None:
    """It has been told."""
