"""Whatever keeps trainings, the fake included, keeps them like this."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters.fakes import MemoryTracker
from mlagent.config.sections import Tracking
from mlagent.core.ports.tracker import ExperimentTracker, Point, Training
from mlagent.errors import InfrastructureError


@pytest.fixture(params=["memory", "mlflow on sqlite"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> ExperimentTracker:
    return MemoryTracker() if request.param == "memory" else adapters.tracker(Tracking(), tmp_path / "mlflow")


def training(folder: Path, points: Sequence[Point] = (), name: str = "run-1") -> Training:
    (folder / "model.pt").write_bytes(b"weights")
    return Training(
        experiment="digits",
        name=name,
        params={"epochs": "3", "model": "model.py"},
        tags={"mlagent.run": name},
        points=points,
        files=[folder / "model.pt"],
    )


def test_what_was_recorded_is_read_back(tracker: ExperimentTracker, tmp_path: Path) -> None:
    points = [Point("loss", 1.5, 1), Point("loss", 0.5, 2), Point("accuracy", 0.9, 1)]
    run_id = tracker.record(training(tmp_path, points))
    assert tracker.params(run_id) == {"epochs": "3", "model": "model.py"}
    assert tracker.history(run_id, "loss") == points[:2]
    assert tracker.history(run_id, "accuracy") == points[2:]
    assert tracker.files(run_id) == ["model.pt"]


def test_a_metric_that_was_never_recorded_has_no_points(tracker: ExperimentTracker, tmp_path: Path) -> None:
    assert tracker.history(tracker.record(training(tmp_path)), "loss") == []


def test_a_long_training_keeps_every_point_in_order(tracker: ExperimentTracker, tmp_path: Path) -> None:
    points = [Point("loss", 1 / step, step) for step in range(1, 2001)]
    assert tracker.history(tracker.record(training(tmp_path, points)), "loss") == points


def test_trainings_of_one_experiment_are_kept_apart(tracker: ExperimentTracker, tmp_path: Path) -> None:
    first = tracker.record(training(tmp_path, [Point("loss", 1.0, 1)]))
    second = tracker.record(training(tmp_path, [Point("loss", 2.0, 1)], name="run-2"))
    assert first != second
    assert [tracker.history(one, "loss")[0].value for one in (first, second)] == [1.0, 2.0]


def test_a_server_that_is_away_is_worth_a_retry(tmp_path: Path) -> None:
    away = adapters.tracker(Tracking(uri="http://127.0.0.1:9"), tmp_path)
    with pytest.raises(InfrastructureError, match=r"MLflow at http://127\.0\.0\.1:9 did not take it") as error:
        away.record(training(tmp_path))
    assert error.value.retryable


def test_a_database_that_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, and never was one")
    with pytest.raises(InfrastructureError, match="did not take it") as error:
        adapters.tracker(Tracking(), tmp_path).record(training(tmp_path))
    assert "\n" not in error.value.message
