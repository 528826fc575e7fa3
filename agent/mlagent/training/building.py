"""The team's module, built and held to its contract on a few rows before any time is spent on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mlagent.training.faults import TeamFault
from mlagent.training.project import Project
from mlagent.training.requests import Kind

_TESTS = "the project's own test of build_model can show this sooner: run `pytest`"
_WANTED: Mapping[Kind, str] = {
    "classification": "return one logit a class: end with a layer of config['classes'] outputs, no argmax or softmax",
    "regression": "return one number a row, (n, 1): end with a layer of config['outputs'] outputs",
    "count": "return the logarithm of the expected count, (n, 1): end with a layer of config['outputs'] outputs",
}


@dataclass(frozen=True)
class Team:
    """The team's loaded code and the shape it is asked for: `features` columns in, `outputs` numbers out."""

    project: Project
    build_model: Callable[[dict[str, int]], object]
    features: int
    kind: Kind
    classes: int

    @property
    def outputs(self) -> int:
        """Numbers a row: one logit a class, or the value, or the logarithm of the expected count."""
        return self.classes or 1

    @property
    def built_at(self) -> str:
        """Where build_model stands, such as `model.py:12`."""
        return self.project.defined_at(self.build_model)

    def build(self) -> nn.Module:
        """Call build_model; TeamFault when it raises or gives anything but a module."""
        with self.project.guard("build_model failed", _TESTS):
            module = self.build_model({"features": self.features, "classes": self.classes, "outputs": self.outputs})
        if not isinstance(module, nn.Module):
            raise TeamFault(f"build_model ({self.built_at}) returned {_named(module)}", hint=_instead(module))
        return module

    def logits(self, module: nn.Module, rows: Tensor) -> Tensor:
        """Call the module on `rows` (n, d); TeamFault when it raises or the answer is not (n, outputs) of float."""
        with self.project.guard(f"the model (built at {self.built_at}) failed on {tuple(rows.shape)} features", _TESTS):
            answer: object = module(rows)
        wanted = (len(rows), self.outputs)
        if isinstance(answer, Tensor) and tuple(answer.shape) == wanted and answer.is_floating_point():
            return answer
        raise TeamFault(
            f"the model (built at {self.built_at}) gave {_described(answer)} for features {tuple(rows.shape)};"
            f" wanted float {wanted}",
            hint=_WANTED[self.kind],
        )


def load_team(project: Project, features: int, kind: Kind, classes: int) -> Team:
    """Import the team's model file; TeamFault when it cannot be."""
    return Team(project, project.load(), features, kind, classes)


def probe(team: Team, module: nn.Module, rows: Tensor) -> None:
    """Try the untrained module on one row and on two, without gradients, and leave it as it was."""
    module.eval()
    with torch.no_grad():
        for count in (1, 2):
            team.logits(module, rows[:count])
    module.train()


def _described(answer: object) -> str:
    if not isinstance(answer, Tensor):
        return f"a {type(answer).__name__}"
    return f"{answer.dtype} {tuple(answer.shape)}".removeprefix("torch.")


def _named(value: object) -> str:
    return f"the class {value.__name__} itself" if isinstance(value, type) else f"a {type(value).__name__}"


def _instead(value: object) -> str:
    if isinstance(value, type):
        return f"return an instance: `return {value.__name__}(...)`"
    if value is None:
        return "end build_model with `return model`"
    return "return a torch.nn.Module"
