"""Where trainings are logged so that people can compare them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

State = Literal["running", "finished", "failed"]


class Point(msgspec.Struct, frozen=True):
    """One value of one metric at one step (an epoch, from 1); `at` in milliseconds since 1970, 0 where unknown."""

    metric: str
    value: float
    step: int
    at: int = 0


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to log about a training so far.

    `key` names the training: one that was interrupted goes on in the same run, and no step is written twice. `data` are
    digests of what it learnt from, by name; `system` are readings of the machine, steps from 1 in each attempt.
    """

    key: str
    experiment: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    data: Mapping[str, str] = {}
    points: Sequence[Point] = ()
    system: Sequence[Point] = ()
    files: Sequence[Path] = ()
    state: State = "finished"


Follow = Callable[[Training], object]


class ExperimentTracker(Protocol):
    """Keeps hyperparameters, metrics and files of trainings."""

    reason: str
    """Why the last training waits, where one does."""

    def following(self) -> AbstractContextManager[Follow]:
        """Take a training that goes on, again and again, in the block: each call returns at once and never fails."""

    def record(self, training: Training) -> str | None:
        """Write all of it that is not there yet; the run's id, None where nobody could be reached and it waits.

        One that is there as finished is not written again.
        """

    def params(self, run_id: str) -> Mapping[str, str]:
        """Read the hyperparameters of a run back."""

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Read every point of one metric back, by step."""

    def files(self, run_id: str) -> Sequence[str]:
        """List the names of the files kept with a run, sorted."""
