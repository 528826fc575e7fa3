"""Where trainings are logged so that people can compare them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec


class Point(msgspec.Struct, frozen=True):
    """One value of one metric at one step (an epoch, from 1)."""

    metric: str
    value: float
    step: int


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one finished training that is logged, in one go."""

    experiment: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    points: Sequence[Point]
    files: Sequence[Path]


class ExperimentTracker(Protocol):
    """Keeps hyperparameters, metrics and files of trainings."""

    reason: str
    """Why the last training waits, where one does."""

    def record(self, training: Training) -> str | None:
        """Write a finished run of the experiment; its id, None where nobody could be reached and the run waits."""

    def params(self, run_id: str) -> Mapping[str, str]:
        """Read the hyperparameters of a run back."""

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Read every point of one metric back, by step."""

    def files(self, run_id: str) -> Sequence[str]:
        """List the names of the files kept with a run, sorted."""
