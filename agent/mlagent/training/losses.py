"""What each kind of target is learned by, and by which score people follow it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, poisson_nll_loss

from mlagent.training.requests import Kind


@dataclass(frozen=True)
class Objective:
    """Sums over rows of outputs (n, outputs) and targets (n,): `loss` to learn by, `scores` told as `score`."""

    loss: Callable[[Tensor, Tensor], Tensor]
    score: str
    scores: Callable[[Tensor, Tensor], Tensor]


OBJECTIVES: Mapping[Kind, Objective] = {
    "classification": Objective(
        partial(cross_entropy, reduction="sum"),
        "validation_accuracy",
        lambda said, target: (said.argmax(1) == target).sum(),
    ),
    "regression": Objective(
        lambda said, target: mse_loss(said[:, 0], target, reduction="sum"),
        "validation_mae",
        lambda said, target: (said[:, 0] - target).abs().sum(),
    ),
    "count": Objective(
        lambda said, target: poisson_nll_loss(said[:, 0], target, reduction="sum"),
        "validation_mae",
        lambda said, target: (said[:, 0].exp() - target).abs().sum(),
    ),
}


def balanced(target: Tensor, classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross entropy in which every class of `target` weighs alike, and a row weighs 1 on the average."""
    counts = torch.stack([(target == one).sum() for one in range(classes)])
    weight = len(target) / ((counts > 0).sum() * counts.clamp(min=1))
    return partial(cross_entropy, weight=weight, reduction="sum")
