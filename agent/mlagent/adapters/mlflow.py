"""MLflow: a SQLite file beside the runs by default, any tracking server by setting."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported: a build node calls nobody
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its defaults wait minutes for a server that is away,
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")  # or takes the connection and never answers

import msgspec
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

from mlagent.config.sections import Tracking
from mlagent.core.ports.tracker import Follow, Point, Training
from mlagent.errors import InfrastructureError

logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces the tables of every new database
NOWHERE = "mlagent://"  # the address of a version whose file nobody gave
BATCH = 900  # a server takes at most 1000 entries in one batch
KEY = "mlagent.training"  # the tag by which an interrupted training finds its run
SYSTEM = "system/"
DIGITS = 36  # of a digest, as many as MLflow keeps


class _Run(msgspec.Struct):
    """A run that is being written: the last step of each metric, and how far this attempt's readings are moved."""

    id: str
    last: dict[str, int]
    shift: int = 0
    finished: bool = False


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
        self._runs: dict[str, _Run] = {}
        with self.reaching():
            home.mkdir(parents=True, exist_ok=True) if self._home else None
            with self._alone():
                self.client = MlflowClient(tracking_uri=self.where)

    def record(self, training: Training) -> str:
        """Find or make the run of this key and write what it lacks, in batches; one that is finished stays as it is."""
        with self.reaching(), self._alone():
            run = self._runs.pop(training.key, None) or self._open(training)
            if run.finished:
                return run.id
            new = [one for one in training.points if one.step > run.last.get(one.metric, -1)]
            shifted = (msgspec.structs.replace(one, step=one.step + run.shift) for one in training.system)
            new += [one for one in shifted if one.step > run.last.get(one.metric, -1)]
            for start in range(0, len(new), BATCH):
                batch = new[start : start + BATCH]
                metrics = [Metric(one.metric, one.value, one.at, one.step) for one in batch]
                self.client.log_batch(run.id, metrics=metrics)
                run.last.update({one.metric: one.step for one in batch})
            tags = [RunTag(key, value) for key, value in training.tags.items()]
            self.client.log_batch(run.id, tags=tags)
            if training.state != "running":
                for path in training.files:
                    self.client.log_artifact(run.id, str(path))
                self.client.set_terminated(run.id, training.state.upper())
            else:
                self._runs[training.key] = run
        return run.id

    def following(self) -> AbstractContextManager[Follow]:
        """Write at every call; who must not wait takes a WaitingTracker."""
        return nullcontext(self.record)

    def _open(self, training: Training) -> "_Run":
        """The run of this key that was begun before, with the last step of each metric; else a new one."""
        experiment = self._experiment(training.experiment)
        found = self.client.search_runs([experiment], f"tags.`{KEY}` = '{training.key}'", max_results=1)
        if not found:
            tags = {KEY: training.key}
            made = self.client.create_run(experiment, run_name=training.name, tags=tags).info.run_id
            self._describe(made, training)
            return _Run(made, {})
        (run,) = found
        run_id: str = run.info.run_id
        if run.info.status == "FINISHED":
            return _Run(run_id, {}, finished=True)
        self._describe(run_id, training)
        self.client.update_run(run_id, status="RUNNING")
        last = {
            name: max(one.step for one in self.client.get_metric_history(run_id, name)) for name in run.data.metrics
        }
        shift = max((step for name, step in last.items() if name.startswith(SYSTEM)), default=0)
        return _Run(run_id, last, shift)

    def _describe(self, run_id: str, training: Training) -> None:
        """What is known from the start; the same again changes nothing."""
        self.client.log_batch(run_id, params=[Param(key, value) for key, value in training.params.items()])
        inputs = [
            DatasetInput(Dataset(name, digest.rpartition(":")[2][:DIGITS], "mlagent", f'{{"digest":"{digest}"}}'))
            for name, digest in training.data.items()
        ]
        if inputs:
            self.client.log_inputs(run_id, inputs)

    def params(self, run_id: str) -> Mapping[str, str]:
        """The run's hyperparameters."""
        with self.reaching():
            return dict(self.client.get_run(run_id).data.params)

    def history(self, run_id: str, metric: str) -> Sequence[Point]:
        """Every point of a metric, by step."""
        with self.reaching():
            found = self.client.get_metric_history(run_id, metric)
        return [Point(one.key, one.value, one.step, one.timestamp) for one in sorted(found, key=lambda one: one.step)]

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
