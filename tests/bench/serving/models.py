"""The three models that are served, and what ONNX Runtime answers to the row that everybody is asked."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from torch import nn

ROW = {
    "Exposure": 0.569473,
    "VehValue": 1.5,
    "VehAge": "old cars",
    "VehBody": "Sedan",
    "Gender": "Female",
    "DrivAge": "working people",
    "region": "Suburbs",
}


class Case(NamedTuple):
    """A model, what it is asked (arrays by input), what it must answer, and the signature where rows are asked."""

    name: str
    model: Path
    asked: dict[str, np.ndarray]
    answer: np.ndarray
    output: str
    signature: Path | None = None


def mlp(folder: Path) -> Case:
    """16 -> 64 -> 64 -> 2: the model itself costs microseconds, so that what is measured is the server."""
    torch.manual_seed(1)
    layers = (nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2), nn.Softmax(dim=1))
    asked = np.arange(1, 17, dtype=np.float32).reshape(1, 16) / 10
    return _case("mlp", _exported(nn.Sequential(*layers), asked, folder / "mlp.onnx"), {"x": asked})


def resnet(folder: Path) -> Case:
    """ResNet-18's size and layers with random weights: the model is what costs, with 600 kB in a request."""
    torch.manual_seed(1)
    asked = np.random.default_rng(1).normal(size=(1, 3, 224, 224)).astype(np.float32)
    return _case("resnet", _exported(ResNet18(), asked, folder / "resnet.onnx"), {"x": asked})


def insurance(folder: Path) -> Case:
    """The template's own model, as it is exported: it takes raw columns, five of them texts."""
    _mlagent("init", "insurance", "--template", "insurance-risk", folder=folder)
    quick = ("--set", "train.epochs=1", "--set", "gate.accuracy_min=0", "--until", "export")
    _mlagent("run", *quick, folder=folder / "insurance")
    home = folder / "insurance/.mlagent"
    made = home / "runs" / (home / "newest").read_text() / "export"
    asked = {
        name: np.array([[value]], np.float32 if isinstance(value, float) else object) for name, value in ROW.items()
    }
    return _case("insurance", made / "model.onnx", asked)._replace(signature=made / "signature.json")


class Block(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        """`stride` 2 halves the image."""
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.BatchNorm2d(after)])
        around = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        self.around = around if stride > 1 else nn.Identity()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Give what the next block takes."""
        inner = torch.relu(self.norms[0](self.first(image)))
        return torch.relu(self.norms[1](self.second(inner)) + self.around(image))


class ResNet18(nn.Sequential):
    """11.7 million weights, 1.8 billion multiplications an image."""

    def __init__(self) -> None:
        """With the weights that PyTorch begins with."""
        head = (nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        steps = pairwise((64, 64, 64, 128, 128, 256, 256, 512, 512))
        blocks = [Block(before, after, 1 if before == after else 2) for before, after in steps]
        super().__init__(*head, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def _exported(model: nn.Module, asked: np.ndarray, path: Path) -> Path:
    of = torch.from_numpy(np.repeat(asked, 2, 0))
    free = ({0: torch.export.Dim("rows")},)
    names: dict[str, Any] = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(
        model.eval(), (of,), str(path), **names, dynamic_shapes=free, external_data=False, dynamo=True, verbose=False
    )
    return path


def _case(name: str, model: Path, asked: dict[str, np.ndarray]) -> Case:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return Case(name, model, asked, session.run(None, asked)[0], session.get_outputs()[0].name)


def _mlagent(*args: str, folder: Path) -> None:
    command = [sys.executable, "-m", "mlagent", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mlagent {args[0]} ended with {done.returncode}: {json.dumps(done.stderr[-2000:])}")
