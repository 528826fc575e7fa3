"""Whatever keeps trainings, the fake included, keeps them like this."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlagent import adapters
from mlagent.adapters.fakes import MemoryTracker
from mlagent.config.sections import Tracking
from mlagent.core.ports.tracker import ExperimentTracker, Point, Training


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


def recorded(tracker: ExperimentTracker, one: Training) -> str:
    run_id = tracker.record(one)
    assert run_id
    return run_id


def test_what_was_recorded_is_read_back(tracker: ExperimentTracker, tmp_path: Path) -> None:
    points = [Point("loss", 1.5, 1), Point("loss", 0.5, 2), Point("accuracy", 0.9, 1)]
    run_id = recorded(tracker, training(tmp_path, points))
    assert tracker.params(run_id) == {"epochs": "3", "model": "model.py"}
    assert tracker.history(run_id, "loss") == points[:2]
    assert tracker.history(run_id, "accuracy") == points[2:]
    assert tracker.files(run_id) == ["model.pt"]


def test_a_metric_that_was_never_recorded_has_no_points(tracker: ExperimentTracker, tmp_path: Path) -> None:
    assert tracker.history(recorded(tracker, training(tmp_path)), "loss") == []


def test_a_long_training_keeps_every_point_in_order(tracker: ExperimentTracker, tmp_path: Path) -> None:
    points = [Point("loss", 1 / step, step) for step in range(1, 2001)]
    assert tracker.history(recorded(tracker, training(tmp_path, points)), "loss") == points


def test_trainings_of_one_experiment_are_kept_apart(tracker: ExperimentTracker, tmp_path: Path) -> None:
    first = recorded(tracker, training(tmp_path, [Point("loss", 1.0, 1)]))
    second = recorded(tracker, training(tmp_path, [Point("loss", 2.0, 1)], name="run-2"))
    assert first != second
    assert [tracker.history(one, "loss")[0].value for one in (first, second)] == [1.0, 2.0]


def test_a_training_waits_while_the_server_is_away_and_is_sent_before_the_next(tmp_path: Path) -> None:
    away = adapters.tracker(Tracking(uri="http://127.0.0.1:9"), tmp_path / "mlflow")
    points = [Point("loss", 1.5, 1), Point("loss", 0.5, 2)]
    assert away.record(training(tmp_path, points)) is None
    assert away.reason.startswith("MLflow at http://127.0.0.1:9 did not take it")
    assert away.record(training(tmp_path, name="run-2")) is None
    (tmp_path / "model.pt").unlink()
    there = adapters.tracker(Tracking(), tmp_path / "mlflow")
    third = there.record(training(tmp_path, name="run-3"))
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits")
    assert experiment
    found = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
    assert [run.data.tags["mlagent.run"] for run in found] == ["run-1", "run-2", "run-3"]
    assert found[2].info.run_id == third
    assert there.history(found[0].info.run_id, "loss") == points
    assert there.files(found[0].info.run_id) == ["model.pt"]
    assert not list((tmp_path / "mlflow" / "waiting").iterdir())


def test_a_database_that_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, and never was one")
    damaged = adapters.tracker(Tracking(), tmp_path)
    assert damaged.record(training(tmp_path)) is None
    assert "did not take it" in damaged.reason
    assert "\n" not in damaged.reason


def test_what_was_never_kept_whole_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mlflow" / "waiting" / "000001").mkdir(parents=True)
    (tmp_path / "mlflow" / "waiting" / "000001" / "model.pt").write_bytes(b"half")
    assert recorded(adapters.tracker(Tracking(), tmp_path / "mlflow"), training(tmp_path))
