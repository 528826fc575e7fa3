"""Whatever keeps trainings, the fake included, keeps them like this."""

import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from mlflow import MlflowClient

from mlagent import adapters
from mlagent.adapters.fakes import MemoryTracker
from mlagent.adapters.waiting import WaitingTracker
from mlagent.config.sections import Tracking
from mlagent.core.ports.tracker import ExperimentTracker, Point, State, Training


@pytest.fixture(params=["memory", "mlflow on sqlite"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> ExperimentTracker:
    return MemoryTracker() if request.param == "memory" else adapters.tracker(Tracking(), tmp_path / "mlflow")


def training(folder: Path, points: Sequence[Point] = (), name: str = "run-1") -> Training:
    (folder / "model.pt").write_bytes(b"weights")
    return Training(
        key=name,
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


def test_what_fails_while_it_is_followed_is_recorded_at_once(
    tracker: ExperimentTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlagent.adapters.waiting.PATIENCE_SECONDS", 5.0)  # else a mistake here costs a minute
    with tracker.following() as follow:
        one = training(tmp_path, [Point("loss", 1.5, 1)])
        follow(msgspec.structs.replace(one, state="running"))
        run_id = recorded(tracker, msgspec.structs.replace(one, state="failed"))
    assert tracker.history(run_id, "loss") == [Point("loss", 1.5, 1)]


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


def points_until(last: int) -> list[Point]:
    return [Point("loss", 1 / step, step) for step in range(1, last + 1)]


def so_far(folder: Path, last: int, state: State = "running") -> Training:
    return msgspec.structs.replace(training(folder, points_until(last)), state=state)


def test_a_training_that_goes_on_is_one_run_and_each_step_is_written_once(
    tracker: ExperimentTracker, tmp_path: Path
) -> None:
    first = recorded(tracker, so_far(tmp_path, 2))
    assert recorded(tracker, so_far(tmp_path, 3)) == first
    assert recorded(tracker, so_far(tmp_path, 5, "finished")) == first
    assert tracker.history(first, "loss") == points_until(5)
    assert recorded(tracker, so_far(tmp_path, 7, "finished")) == first
    assert tracker.history(first, "loss") == points_until(5)


def test_one_that_was_killed_goes_on_in_its_run_from_another_process(tmp_path: Path) -> None:
    before, after = (adapters.tracker(Tracking(), tmp_path / "mlflow") for _ in range(2))
    reading = [Point("system/cpu_utilization_percentage", 50.0, step) for step in (1, 2)]
    first = recorded(before, msgspec.structs.replace(so_far(tmp_path, 3), system=reading))
    goes_on = msgspec.structs.replace(so_far(tmp_path, 4, "finished"), system=reading[:1])
    assert recorded(after, goes_on) == first
    assert after.history(first, "loss") == points_until(4)
    assert [one.step for one in after.history(first, reading[0].metric)] == [1, 2, 3]
    run = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}").get_run(first)
    assert run.info.status == "FINISHED"


def test_one_that_failed_is_told_so_and_may_still_be_finished(tmp_path: Path) -> None:
    tracker = adapters.tracker(Tracking(), tmp_path / "mlflow")
    first = recorded(tracker, so_far(tmp_path, 2, "failed"))
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    assert client.get_run(first).info.status == "FAILED"
    assert recorded(tracker, so_far(tmp_path, 3, "finished")) == first
    assert client.get_run(first).info.status == "FINISHED"
    assert tracker.history(first, "loss") == points_until(3)


def test_following_writes_in_the_background_with_readings_of_the_machine(tmp_path: Path) -> None:
    seen: list[Training] = []
    let_go = threading.Event()

    class Slow(MemoryTracker):
        def record(self, training: Training) -> str:
            assert let_go.wait(60)
            seen.append(training)
            return super().record(training)

    tracker = WaitingTracker(Slow, tmp_path, every_seconds=0.05)
    with tracker.following() as follow:
        for last in range(1, 4):
            follow(so_far(tmp_path, last))
        let_go.set()  # nobody waited for the tracker
        while not seen:
            time.sleep(0.01)
    assert tracker.record(so_far(tmp_path, 4, "finished"))
    assert [one.state for one in seen][-1] == "finished"
    names = {one.metric for one in seen[-1].system}
    assert {"system/cpu_utilization_percentage", "system/worker_memory_megabytes"} <= names


def test_a_server_that_takes_the_connection_and_never_answers_holds_nobody_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = adapters.tracker(Tracking(uri=f"http://127.0.0.1:{silent.getsockname()[1]}"), tmp_path / "mlflow")
        with hanging.following() as follow:
            follow(so_far(tmp_path, 1))
        assert hanging.record(so_far(tmp_path, 2, "finished")) is None
    assert "did not take it" in hanging.reason
    assert list((tmp_path / "mlflow" / "waiting").iterdir())


def test_data_and_environment_stand_with_the_run(tmp_path: Path) -> None:
    tracker = adapters.tracker(Tracking(), tmp_path / "mlflow")
    digest = "sha256:" + "a1" * 32
    run_id = recorded(tracker, msgspec.structs.replace(training(tmp_path), data={"train-part": digest}))
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    inputs = client.get_run(run_id).inputs
    assert inputs
    (one,) = inputs.dataset_inputs
    assert (one.dataset.name, one.dataset.digest) == ("train-part", ("a1" * 32)[:36])
    assert digest in one.dataset.source
