"""What ships answers for each kind of target: its name, and how it comes from what the team's module gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mlagent.training.requests import Kind


@dataclass(frozen=True)
class Answer:
    """`of` turns outputs (n, outputs) into answers float32 (n, outputs), which ship under `name`."""

    name: str
    of: Callable[[Tensor], Tensor]


ANSWERS: Mapping[Kind, Answer] = {
    "classification": Answer("probabilities", lambda said: said.float().softmax(dim=1)),
    "regression": Answer("prediction", lambda said: said.float()),
    "count": Answer("prediction", lambda said: said.float().exp()),
}
