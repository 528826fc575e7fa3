"""The training loop: what one epoch does to a module, and how good the module is after it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from mlagent.training.building import Team
from mlagent.training.data import Rows
from mlagent.training.faults import TeamFault
from mlagent.training.losses import OBJECTIVES
from mlagent.training.requests import TrainRequest

_JUDGED_AT_ONCE = 4096
_GRADIENT = "let every step from features to logits be torch's, without detach(), numpy or no_grad()"


@dataclass(frozen=True)
class Epoch:
    """One line of epochs.jsonl: mean losses a row, a score under its name, wall time in seconds."""

    epoch: int
    of: int
    train_loss: float
    validation_loss: float
    named: str
    score: float
    seconds: float

    def line(self) -> dict[str, float]:
        """Give what stands in the file."""
        return {
            "epoch": self.epoch,
            "of": self.of,
            "train_loss": self.train_loss,
            "validation_loss": self.validation_loss,
            self.named: self.score,
            "seconds": self.seconds,
        }


def epochs(team: Team, module: nn.Module, training: Rows, validation: Rows, request: TrainRequest) -> Iterator[Epoch]:
    """Train `module` in place and yield after every epoch; TeamFault when it fails or a loss is no number."""
    optimizer = _optimizer(team, module, request)
    order = torch.Generator().manual_seed(request.seed)
    for epoch in range(1, request.epochs + 1):
        began = perf_counter()
        train_loss = _fit(team, module, training, optimizer, _batches(len(training.target), request.batch_size, order))
        validation_loss, score = _judge(team, module, validation)
        _refuse_nan(team, request, epoch, train_loss, validation_loss)
        named, seconds = OBJECTIVES[team.kind].score, round(perf_counter() - began, 4)
        yield Epoch(epoch, request.epochs, train_loss, validation_loss, named, score, seconds)


def _optimizer(team: Team, module: nn.Module, request: TrainRequest) -> AdamW:
    """AdamW, which is Adam where the weight decay is 0; fused, save for parameters that the fused kernel refuses."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise TeamFault(
            f"the model (built at {team.built_at}) has nothing to train: no parameter requires a gradient",
            hint="keep layers as attributes of the module (or in nn.ModuleList), not in a plain list",
        )
    fused = all(p.is_floating_point() for p in parameters)
    return AdamW(parameters, lr=request.learning_rate, weight_decay=request.weight_decay, fused=fused)


def _batches(rows: int, size: int, order: torch.Generator) -> list[Tensor]:
    """One shuffled permutation, cut up; a lone last row joins its neighbours, for BatchNorm cannot train on one."""
    batches = list(torch.split(torch.randperm(rows, generator=order), size))
    if len(batches) > 1 and len(batches[-1]) == 1 < size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _fit(team: Team, module: nn.Module, rows: Rows, optimizer: AdamW, batches: list[Tensor]) -> float:
    """Take one step a batch; the mean loss over the rows, each seen once."""
    module.train()
    total = torch.zeros((), device=rows.target.device)
    objective = OBJECTIVES[team.kind]
    for batch in batches:
        index = batch.to(rows.target.device)
        optimizer.zero_grad()
        loss = objective.loss(team.logits(module, rows.features[index]), rows.target[index]) / len(batch)
        with team.project.guard(f"the gradient of the loss (model built at {team.built_at}) failed", _GRADIENT):
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total) / len(rows.target)


def _judge(team: Team, module: nn.Module, rows: Rows) -> tuple[float, float]:
    """Mean loss and score over all rows, in evaluation mode."""
    module.eval()
    objective, loss, score = OBJECTIVES[team.kind], 0.0, 0.0
    with torch.no_grad():
        batches = (torch.split(part, _JUDGED_AT_ONCE) for part in (rows.features, rows.target))
        for features, target in zip(*batches, strict=True):
            logits = team.logits(module, features)
            loss += float(objective.loss(logits, target))
            score += float(objective.scores(logits, target))
    return loss / len(rows.target), score / len(rows.target)


def _refuse_nan(team: Team, request: TrainRequest, epoch: int, train_loss: float, validation_loss: float) -> None:
    for name, value in (("training", train_loss), ("validation", validation_loss)):
        if not math.isfinite(value):
            raise TeamFault(
                f"the {name} loss became {value} in epoch {epoch} of {request.epochs} (model built at {team.built_at})",
                hint=f"lower the learning rate (now {request.learning_rate:g}), or look in the model for a division by "
                "zero or the log of zero; the features themselves are finite",
            )
