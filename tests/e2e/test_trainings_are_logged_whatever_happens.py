"""One MLflow run a training, each step once: also where mlagent is killed, or the server goes away in the middle."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.conftest import Cli
from tests.e2e.conftest import free_port, record, tracking_server

EPOCHS = 80
SLOWLY = ("--set", "train.epochs=80", "--set", "train.checkpoint_steps=30")


def started(project: Path, **env: str) -> "subprocess.Popen[bytes]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent", "run", "--until", "train", *SLOWLY]
    return subprocess.Popen(command, cwd=project, env=kept | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_points(database: Path, process: "subprocess.Popen[bytes]") -> int:
    """Wait until some epochs are in MLflow's database while the training goes on; how many."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, "the training was over before anything was logged"
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as opened:
                (found,) = opened.execute("select count(*) from metrics where key = 'validation_loss'").fetchone()
        except sqlite3.Error:
            found = 0
        if found:
            return int(found)
        time.sleep(0.1)
    raise AssertionError("nothing was logged while it trained")


def the_only_run(client: MlflowClient) -> Run:
    (run,) = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return run


def assert_each_step_once(client: MlflowClient, run: Run) -> None:
    for metric in ("train_loss", "validation_loss", "validation_accuracy"):
        points = client.get_metric_history(run.info.run_id, metric)
        assert [one.step for one in points] == list(range(1, EPOCHS + 1))
        assert all(one.timestamp > 1_700_000_000_000 for one in points)
    readings = client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert len({one.step for one in readings}) == len(readings) > 0
    assert run.info.status == "FINISHED"
    assert {entry.path for entry in client.list_artifacts(run.info.run_id)} >= {"model.pt", "environment.txt"}
    assert run.data.tags["mlagent.build"] == "1"
    assert run.inputs
    assert {one.dataset.name for one in run.inputs.dataset_inputs} == {"train-part", "validation-part"}


def test_a_training_that_was_killed_goes_on_in_its_own_run(fresh: Path, cli: Cli) -> None:
    process = started(fresh)
    database = fresh / ".mlagent" / "mlflow" / "mlflow.db"
    assert 0 < wait_for_points(database, process) < EPOCHS
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    client = MlflowClient(f"sqlite:///{database}")
    assert the_only_run(client).info.status == "RUNNING"
    ended = cli("run", "--until", "train", *SLOWLY, cwd=fresh)
    assert ended.returncode == 0, ended.stderr
    assert record(fresh)["attempt"] == 2
    assert "which an interrupted attempt had kept" in ended.stderr
    assert_each_step_once(client, the_only_run(client))


def test_a_server_that_goes_away_and_comes_back_has_the_whole_training(
    fresh: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    with tracking_server(folder, port) as url:
        process = started(fresh, MLAGENT_TRACKING_URI=url)
        wait_for_points(folder / "m.db", process)
    with tracking_server(folder, port) as url:
        assert process.wait(300) == 0
        client = MlflowClient(url)
        assert_each_step_once(client, the_only_run(client))


def test_a_server_that_is_away_costs_a_warning_and_has_the_training_with_the_next(
    fresh: Path, cli: Cli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    away = {"MLAGENT_TRACKING_URI": f"http://127.0.0.1:{port}"}
    first = cli("run", "--until", "train", "--set", "train.epochs=2", cwd=fresh, env=away)
    assert first.returncode == 0, first.stderr
    assert "this training waits in .mlagent/mlflow and is sent before the next" in first.stderr
    with tracking_server(folder, port) as url:
        again = cli("run", "--until", "train", "--set", "train.epochs=3", cwd=fresh, env=away)
        assert again.returncode == 0, again.stderr
        client = MlflowClient(url)
        runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
        assert sorted(int(run.data.params["epochs"]) for run in runs) == [2, 3]
        assert {run.info.status for run in runs} == {"FINISHED"}
