"""In-memory adapters: shipped, for unit tests of those who build on the ports; they pass the same contract tests."""

from collections.abc import Mapping, Sequence

from mlagent.core.ports.tracker import Point, Training


class MemoryTracker:
    """The ExperimentTracker port in a dictionary."""

    def __init__(self) -> None:
        """Start with no runs."""
        self.runs: dict[str, Training] = {}

    def record(self, training: Training) -> str:
        """Keep the training under a new id."""
        run_id = f"memory-{len(self.runs) + 1}"
        self.runs[run_id] = training
        return run_id

    def params(self, run_id: str) -> Mapping[str, str]:
        """The run's hyperparameters."""
        return dict(self.runs[run_id].params)

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Every point of a metric, by step."""
        return sorted((one for one in self.runs[run_id].points if one.metric == metric), key=lambda one: one.step)

    def files(self, run_id: str) -> Sequence[str]:
        """Names of the kept files."""
        return sorted(path.name for path in self.runs[run_id].files)
