"""The task `train`: from two data files and the team's model to the best epoch's weights."""

import sys
from time import perf_counter

import torch
from torch import nn

from mlagent.training import files
from mlagent.training.building import load_team, probe
from mlagent.training.checkpoints import Checkpoints, restore_random
from mlagent.training.data import Rows, read_rows, same_width
from mlagent.training.loop import Loop
from mlagent.training.project import Project
from mlagent.training.requests import TrainRequest
from mlagent.training.settings import device, settle

OUTPUTS = ("model.pt", "epochs.jsonl", "progress.json")
_LOOK_SECONDS = 1.0  # how often the loop waits for its device, looks at the loss and tells how far it is


def train(request: TrainRequest) -> dict[str, object]:
    """Train, write model.pt and epochs.jsonl, and give result.json's content; Fault as the contract says."""
    settle(request.seed, request.threads, deterministic=request.deterministic)
    training, validation = _read(request)
    project = Project(request.project.resolve(), request.model)
    team = load_team(project, training.features.shape[1], request.kind, request.classes)
    module = team.build().to(training.features.device)
    probe(team, module, training.features)
    loop = Loop(team, module, training, validation, request)
    _Watched(loop, request).run()
    with files.whole(request.output / "model.pt") as file:
        torch.save(loop.weights, file)
    return _result(loop, module, request)


def _read(request: TrainRequest) -> tuple[Rows, Rows]:
    where = device(request.device)
    training, validation = (
        read_rows(path, request.kind, request.classes) for path in (request.train, request.validation)
    )
    same_width(request.train, training, request.validation, validation)
    return training.to(where), validation.to(where)


class _Watched:
    """Runs the loop from where an interrupted attempt left it, tells each epoch as it ends, and keeps checkpoints."""

    def __init__(self, loop: Loop, request: TrainRequest) -> None:
        self._loop, self._request = loop, request
        self._checkpoints = Checkpoints(request.checkpoints, request.keep_checkpoints)
        self._looked = self._saved = perf_counter()

    def run(self) -> None:
        """Leave epochs.jsonl whole, and the best weights in the loop."""
        self._go_on()
        for scores in self._loop.epochs(self._between):
            files.append_line(self._request.output / "epochs.jsonl", scores.line())
        (self._request.output / "progress.json").unlink(missing_ok=True)

    def _go_on(self) -> None:
        found = self._checkpoints.load()
        if found is None:
            return
        state, weights = found
        self._loop.restore(state, weights)
        restore_random(state["random"])
        for line in self._loop.at.told:
            files.append_line(self._request.output / "epochs.jsonl", line)
        said = f"going on from step {self._loop.at.step} of {self._loop.steps_an_epoch} of epoch {self._loop.at.epoch}"
        sys.stderr.write(f"{said}, which an interrupted attempt had kept\n")

    def _between(self) -> None:
        """Look, tell and save when it is time, which is seldom: this runs after every step."""
        now, every = perf_counter(), self._request.checkpoint_steps
        if now - self._looked >= _LOOK_SECONDS:
            self._look()
            self._looked = perf_counter()
        minutes = self._request.checkpoint_minutes
        if (every and self._loop.steps % every == 0) or (minutes and now - self._saved >= 60 * minutes):
            self._loop.look()  # what is no number any more is not kept
            self._checkpoints.save(self._loop.steps, self._loop.state(), self._loop.at.best, self._loop.weights)
            self._saved = perf_counter()

    def _look(self) -> None:
        at, loss = self._loop.at, self._loop.look()
        where = {"epoch": at.epoch, "of": self._request.epochs, "step": at.step, "steps": self._loop.steps_an_epoch}
        files.replace(self._request.output / "progress.json", where | {"train_loss": loss})


def _result(loop: Loop, module: nn.Module, request: TrainRequest) -> dict[str, object]:
    """Say what was made, without a clock: equal requests give equal content."""
    best = loop.at.told[loop.at.best - 1]
    return {
        "best_epoch": loop.at.best,
        "epochs": len(loop.at.told),
        **{name: value for name, value in best.items() if name.startswith("validation_")},
        "features": loop.team.features,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "device": loop.at.total.device.type,
        "precision": request.precision,
        "rows_at_once": loop.at.micro,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
