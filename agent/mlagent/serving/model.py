"""A model that is ready to answer: opened, timed, planned for the processors there are, and behind its routes."""

import argparse
import threading
from collections.abc import Mapping

from mlagent import __version__
from mlagent.serving import cpus, execution, openapi, pages, protocol, signature
from mlagent.serving.execution import Plan
from mlagent.serving.inference import Serving, of_model
from mlagent.serving.metrics import BATCHES, RUNNING, WAITING, Meter
from mlagent.serving.onnx import OnnxModel
from mlagent.serving.predict import Predictor
from mlagent.serving.routes import Health, Route


class Loaded:
    """A model by its plan; made in the event loop that it is to answer in."""

    def __init__(self, given: argparse.Namespace, processes: int | None, meter: Meter) -> None:
        """Open and time it; CannotServe when that cannot be. `processes` None lets the model say how many."""
        self._given, self._meter = given, meter
        self._signature = signature.read(given.signature) if given.signature else None
        self._model, self.plan = _planned(given, processes)
        self._predictor = Predictor(given.name, self._model, self._signature) if self._signature else None
        window = given.batch_window_ms / 1000
        self._runner = execution.make(
            self.plan, self._model, queue=given.queue, window_seconds=window, told=self._computed
        )
        if not self.plan.inline_rows and given.device == "cpu":  # large enough to gain by it; nobody waits for that
            threading.Thread(target=pages.enlarge, name="pages", daemon=True).start()

    def routes(self, health: Health) -> Mapping[str, Route]:
        """What the model's port answers."""
        given = self._given
        served = protocol.Served(given.name, self._model, given.model_version)
        guarded = given.token_file is not None
        document = openapi.document(served, self._signature, __version__, body_limit=given.body_limit, guarded=guarded)
        return of_model(
            Serving(served, self._runner, self._predictor, document, given.deadline_seconds, given.rows_limit), health
        )

    def beat(self) -> None:
        """Tell what waits and runs, and what this process takes."""
        mine = self._meter.mine
        mine[WAITING], mine[RUNNING] = self._runner.waiting, self._runner.running
        self._meter.beat()

    def _computed(self) -> None:
        self._meter.mine[BATCHES] += 1

    def close(self) -> None:
        """Compute no more."""
        self._runner.close()


def _planned(given: argparse.Namespace, processes: int | None) -> tuple[OnnxModel, Plan]:
    """Open it as the plan wants; what that is, is known when it has been timed."""
    limit = given.cpus or cpus.limit()
    threads = given.threads or (max(1, int(limit)) if given.profile == "latency" else 1)
    model = _opened(given, threads)
    timing = execution.measure(model)
    plan = execution.plan(
        given.profile,
        limit,
        timing,
        processes=processes,
        threads=given.threads,
        batch_rows=given.batch_rows,
    )
    return (model if plan.intra == threads else _opened(given, plan.intra)), plan


def _opened(given: argparse.Namespace, threads: int) -> OnnxModel:
    return OnnxModel(given.model, threads=threads, device=given.device, fallback=given.allow_cpu)
