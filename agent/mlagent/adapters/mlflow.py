"""MLflow: a SQLite file beside the runs by default, any tracking server by setting."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported: a build node calls nobody
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its default waits minutes for a server that is away

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from mlagent.config.sections import Tracking
from mlagent.core.ports.tracker import Point, Training
from mlagent.errors import InfrastructureError

logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces the tables of every new database
NOWHERE = "mlagent://"  # the address of a version whose file nobody gave
BATCH = 900  # a server takes at most 1000 entries in one batch


class MlflowTracker:
    """The ExperimentTracker port over MLflow's client; InfrastructureError (20) when it cannot be reached."""

    reason = ""

    def __init__(self, settings: Tracking, home: Path) -> None:
        """Without `uri`, keep everything in the folder `home`. MLflow reads credentials from the environment only."""
        self._home = None if settings.uri else home
        self.where = settings.uri or f"sqlite:///{home / 'mlflow.db'}"
        if settings.token:
            os.environ["MLFLOW_TRACKING_TOKEN"] = settings.token.reveal()
        if settings.username and settings.password:
            os.environ["MLFLOW_TRACKING_USERNAME"] = settings.username
            os.environ["MLFLOW_TRACKING_PASSWORD"] = settings.password.reveal()
        with self.reaching():
            home.mkdir(parents=True, exist_ok=True) if self._home else None
            with self._alone():
                self.client = MlflowClient(tracking_uri=self.where)

    def record(self, training: Training) -> str:
        """Write one finished run in one batch of parameters, tags and points, then its files."""
        with self.reaching(), self._alone():
            run_id: str = self.client.create_run(
                self._experiment(training.experiment), run_name=training.name
            ).info.run_id
            params = [Param(key, value) for key, value in training.params.items()]
            tags = [RunTag(key, value) for key, value in training.tags.items()]
            self.client.log_batch(run_id, params=params, tags=tags)
            metrics = [Metric(point.metric, point.value, 0, point.step) for point in training.points]
            for start in range(0, len(metrics), BATCH):
                self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])
            for path in training.files:
                self.client.log_artifact(run_id, str(path))
            self.client.set_terminated(run_id)
        return run_id

    def params(self, run_id: str) -> Mapping[str, str]:
        """The run's hyperparameters."""
        with self.reaching():
            return dict(self.client.get_run(run_id).data.params)

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Every point of a metric, by step."""
        with self.reaching():
            found = self.client.get_metric_history(run_id, metric)
        return [Point(one.key, one.value, one.step) for one in sorted(found, key=lambda one: one.step)]

    def files(self, run_id: str) -> Sequence[str]:
        """Names of the kept files."""
        with self.reaching():
            return sorted(entry.path for entry in self.client.list_artifacts(run_id))

    def keep(self, name: str, file: Path | None, digest: str) -> tuple[str | None, str]:
        """Keep a model's file in a run of its own: the run's id and the file's address; without one, its digest."""
        if file is None:
            return None, NOWHERE + digest
        with self._alone():
            run = self.client.create_run(self._experiment(name), run_name=file.name, tags={"mlagent.digest": digest})
            self.client.log_artifact(run.info.run_id, str(file))
            self.client.set_terminated(run.info.run_id)
        return run.info.run_id, f"{run.info.artifact_uri}/{file.name}"

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        kept = (self._home / "artifacts").as_uri() if self._home else None
        return str(self.client.create_experiment(name, artifact_location=kept))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer of the SQLite file at a time: two that make its tables at once spoil them."""
        if self._home is None:
            yield
            return
        with (self._home / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn what MLflow raises into an InfrastructureError (20)."""
        try:
            yield
        except Exception as error:  # MLflow lets its database's and its transport's exceptions through
            raise InfrastructureError(
                f"MLflow at {self.where} did not take it: {str(error).splitlines()[0]}",
                hint="is the server up, and are tracking.uri and its credentials right?",
            ) from error
