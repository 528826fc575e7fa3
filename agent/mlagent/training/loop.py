"""The training loop: steps, epochs, how good the module is after each, and how to go on where it was interrupted."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from mlagent.training.building import Team
from mlagent.training.data import Rows
from mlagent.training.faults import MemoryFault, TeamFault
from mlagent.training.losses import OBJECTIVES, balanced
from mlagent.training.requests import TrainRequest

_JUDGED_AT_ONCE = 4096
_GRADIENT = "let every step from features to logits be torch's, without detach(), numpy or no_grad()"
_Cut = TypeVar("_Cut", Tensor, range)
_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Epoch:
    """One line of epochs.jsonl: mean losses a row, a score under its name, wall time in seconds."""

    epoch: int
    of: int
    train_loss: float
    validation_loss: float
    named: str
    score: float
    learning_rate: float
    seconds: float

    def line(self) -> dict[str, float]:
        """Give what stands in the file."""
        return {
            "epoch": self.epoch,
            "of": self.of,
            "train_loss": self.train_loss,
            "validation_loss": self.validation_loss,
            self.named: self.score,
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }


@dataclass
class At:
    """Where a training is: in which epoch, after how many of its steps; the epochs told so far, and the best of them.

    `total` is the sum of the epoch's losses on the device, `micro` how many rows are learned from at once.
    """

    total: Tensor
    micro: int
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0
    told: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    best_loss: float = math.inf


class Loop:
    """Trains `module` in place, so that it can be interrupted between any two steps and gone on with from its state."""

    def __init__(self, team: Team, module: nn.Module, training: Rows, validation: Rows, request: TrainRequest) -> None:
        """TeamFault when there is nothing to train."""
        self.team, self.module, self.request = team, module, request
        self._training, self._validation = training, validation
        device = training.target.device
        self._optimizer = _optimizer(team, module, request)
        self._parameters = [one for group in self._optimizer.param_groups for one in group["params"]]
        self._scaler = torch.amp.GradScaler(device.type, enabled=request.precision == "fp16")
        self._autocast: Callable[[], AbstractContextManager[object]] = nullcontext
        if request.precision in _HALF:
            self._autocast = partial(torch.autocast, device.type, _HALF[request.precision])
        weighted = request.class_weights == "balanced"
        self._loss = balanced(training.target, team.classes) if weighted else OBJECTIVES[team.kind].loss
        self.at = At(torch.zeros((), device=device), math.ceil(request.batch_size / request.accumulate))
        self.weights: dict[str, Tensor] = {}
        self.steps_an_epoch = len(_cut(range(len(training.target)), request.batch_size))
        self._judged_at_once = _JUDGED_AT_ONCE

    @property
    def steps(self) -> int:
        """Steps from the start."""
        return (self.at.epoch - 1) * self.steps_an_epoch + self.at.step

    def epochs(self, between: Callable[[], None]) -> Iterator[Epoch]:
        """Yield after every epoch; `between` is called after every step.

        TeamFault when the model fails or a loss is no number.
        """
        while self.at.epoch <= self.request.epochs and not self._out_of_patience():
            began = perf_counter() - self.at.seconds
            self._fit(began, between)
            train_loss = float(self.at.total) / len(self._training.target)
            self._refuse_nan("training", train_loss)
            rate = self._rate(self.steps - 1)
            validation_loss, score = self._judge()
            self._refuse_nan("validation", validation_loss)
            told = Epoch(
                self.at.epoch,
                self.request.epochs,
                train_loss,
                validation_loss,
                OBJECTIVES[self.team.kind].score,
                score,
                rate,
                round(perf_counter() - began, 4),
            )
            if validation_loss < self.at.best_loss:
                self.at.best, self.at.best_loss = self.at.epoch, validation_loss
                self.weights = {name: one.detach().cpu().clone() for name, one in self.module.state_dict().items()}
            self.at.told.append(told.line())
            self.at.epoch, self.at.step, self.at.seconds = self.at.epoch + 1, 0, 0.0
            self.at.total.zero_()
            yield told

    def state(self) -> dict[str, object]:
        """All that the rest of the training depends on, but for the random generators and the best weights."""
        at = {name: value for name, value in vars(self.at).items() if name != "told"}
        return {
            "at": at | {"told": json.dumps(self.at.told)},
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: Mapping[str, Any], weights: dict[str, Tensor]) -> None:
        """Go on from a state that was given before, and the best weights of then."""
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        at = state["at"] | {"total": state["at"]["total"].to(self.at.total.device)}
        self.at, self.weights = At(**at | {"told": json.loads(at["told"])}), weights

    def look(self) -> float:
        """Give the mean loss of this epoch so far; TeamFault when it is no number."""
        rows = min(self.at.step * self.request.batch_size, len(self._training.target))
        loss = float(self.at.total) / max(rows, 1)
        self._refuse_nan("training", loss)
        return loss

    def _out_of_patience(self) -> bool:
        return bool(self.request.patience) and self.at.epoch - 1 - self.at.best >= self.request.patience

    def _fit(self, began: float, between: Callable[[], None]) -> None:
        """Take the steps of this epoch that are still to be taken."""
        self.module.train()
        order = torch.Generator().manual_seed((self.request.seed * 1_000_003 + self.at.epoch) % 2**63)
        shuffled = torch.randperm(len(self._training.target), generator=order).to(self.at.total.device)
        for batch in _cut(shuffled, self.request.batch_size)[self.at.step :]:
            self._step(batch)
            self.at.step += 1
            self.at.seconds = perf_counter() - began
            between()

    def _step(self, batch: Tensor) -> None:
        """Learn from one batch, as many rows at once as memory has let through so far."""
        while True:
            self._optimizer.zero_grad()
            try:
                losses = [self._learn(rows, len(batch)) for rows in _cut(batch, self.at.micro)]
                break
            except MemoryFault:
                if self.at.micro == 1:
                    raise
            self._halve(len(batch))
        if self.request.clip_norm:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._parameters, self.request.clip_norm)
        rate = self._rate(self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._scaler.step(self._optimizer)
        self._scaler.update()
        for loss in losses:
            self.at.total += loss

    def _learn(self, index: Tensor, of: int) -> Tensor:
        """Add to the gradients what some rows of a batch of `of` say; the sum of their losses."""
        features, target = self._training.features.index_select(0, index), self._training.target.index_select(0, index)
        with self._autocast():
            said = self.team.logits(self.module, features)
        loss = self._loss(said.float(), target)
        doing = f"the gradient of the loss (model built at {self.team.built_at}) failed"
        with self.team.project.guard(doing, _GRADIENT):
            self._scaler.scale(loss / of).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _halve(self, rows: int) -> None:
        """Learn from fewer rows at once from now on; the batch stays as large as it is."""
        tried = min(self.at.micro, rows)
        self.at.micro = max(tried // 2, 1)
        self._optimizer.zero_grad()
        torch.cuda.empty_cache()
        sys.stderr.write(f"out of memory with {tried} rows at once: {self.at.micro} from now on, in the same batches\n")

    def _rate(self, step: int) -> float:
        """Give the learning rate of a step, from 0: up to its full value while it warms up, then by the schedule."""
        full, warm = self.request.learning_rate, self.request.warmup_steps
        if step < warm:
            return full * (step + 1) / warm
        gone = (step - warm) / max(self.request.epochs * self.steps_an_epoch - warm, 1)
        factors = {"constant": 1.0, "linear": 1 - gone, "cosine": (1 + math.cos(math.pi * gone)) / 2}
        return full * factors[self.request.schedule]

    def _judge(self) -> tuple[float, float]:
        """Mean loss and score over the validation rows, in evaluation mode and in full precision, as what ships is."""
        self.module.eval()
        while True:
            try:
                return self._judged()
            except MemoryFault:
                if self._judged_at_once == 1:
                    raise
            self._judged_at_once //= 2
            torch.cuda.empty_cache()

    def _judged(self) -> tuple[float, float]:
        objective, rows = OBJECTIVES[self.team.kind], self._validation
        loss, score = (torch.zeros((), dtype=torch.float64, device=self.at.total.device) for _ in range(2))
        with torch.no_grad():
            batches = (torch.split(part, self._judged_at_once) for part in (rows.features, rows.target))
            for features, target in zip(*batches, strict=True):
                logits = self.team.logits(self.module, features)
                loss += objective.loss(logits, target)
                score += objective.scores(logits, target)
        return float(loss) / len(rows.target), float(score) / len(rows.target)

    def _refuse_nan(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise TeamFault(
                f"the {name} loss became {value} in epoch {self.at.epoch} of {self.request.epochs}"
                f" (model built at {self.team.built_at})",
                hint=f"lower the learning rate (now {self.request.learning_rate:g}) or limit the gradient "
                "(train.clip_norm), or look in the model for a division by zero or the log of zero; "
                "the features themselves are finite",
            )


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


def _cut(rows: _Cut, size: int) -> list[_Cut]:
    """Cut rows up; a lone last one joins its neighbours, for BatchNorm cannot train on one."""
    starts: list[int] = list(range(0, len(rows), size))
    if len(starts) > 1 and len(rows) - starts[-1] == 1 < size:
        starts.pop()
    return [rows[start:end] for start, end in zip(starts, [*starts[1:], len(rows)], strict=True)]
