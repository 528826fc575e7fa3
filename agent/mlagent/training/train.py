"""The task `train`: from two data files and the team's model to the best epoch's weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlagent.training import files
from mlagent.training.building import Team, load_team, probe
from mlagent.training.data import Rows, read_rows, same_width
from mlagent.training.loop import Epoch, epochs
from mlagent.training.project import Project
from mlagent.training.requests import TrainRequest
from mlagent.training.settings import device, settle

OUTPUTS = ("model.pt", "epochs.jsonl")


@dataclass(frozen=True)
class Best:
    """The epoch with the lowest validation loss so far, the earliest of equals, and its weights on the CPU."""

    scores: Epoch
    weights: dict[str, Tensor]


def train(request: TrainRequest) -> dict[str, object]:
    """Train, write model.pt and epochs.jsonl, and give result.json's content; Fault as the contract says."""
    settle(request.seed, request.threads)
    training, validation = _read(request)
    project = Project(request.project.resolve(), request.model)
    team = load_team(project, training.features.shape[1], request.kind, request.classes)
    module = team.build().to(device())
    probe(team, module, training.features)
    best = _fit(team, module, training, validation, request)
    with files.whole(request.output / "model.pt") as file:
        torch.save(best.weights, file)
    return _result(best, module, training)


def _read(request: TrainRequest) -> tuple[Rows, Rows]:
    training, validation = (
        read_rows(path, request.kind, request.classes) for path in (request.train, request.validation)
    )
    same_width(request.train, training, request.validation, validation)
    return training.to(device()), validation.to(device())


def _fit(team: Team, module: nn.Module, training: Rows, validation: Rows, request: TrainRequest) -> Best:
    """Run all epochs, telling each as it ends, and keep the best."""
    journal = request.output / "epochs.jsonl"
    kept: list[Best] = []
    for scores in epochs(team, module, training, validation, request):
        files.append_line(journal, scores.line())
        if not kept or scores.validation_loss < kept[0].scores.validation_loss:
            kept = [Best(scores, {name: value.detach().cpu().clone() for name, value in module.state_dict().items()})]
    return kept[0]


def _result(best: Best, module: nn.Module, training: Rows) -> dict[str, object]:
    """Say what was made, without a clock: equal requests give equal content."""
    return {
        "best_epoch": best.scores.epoch,
        "epochs": best.scores.of,
        "validation_loss": best.scores.validation_loss,
        best.scores.named: best.scores.score,
        "features": training.features.shape[1],
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "device": training.features.device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
