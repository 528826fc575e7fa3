"""A trained checkpoint on disk, and ways to run the worker: in this process, or in one of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlagent
from tests.worker_request import LOOP

HEAD = "import torch\nfrom torch import nn\n"
CONVOLUTIONS = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5)
        )
        self.out = nn.Linear(16, classes)

    def forward(self, features):
        return self.out(self.layers(features.reshape(-1, 1, 4, 4)))

def build_model(config):
    return Net(config["classes"])
"""
)


class Workshop:
    """A project of 4x4 images in three classes, its data and an output folder."""

    def __init__(self, root: Path) -> None:
        """Write project and data under `root`."""
        self.project, self.output = root / "project", root / "output"
        self.shape = root / "shape.json"
        self.train, self.validation = root / "train.npz", root / "validation.npz"
        self.checkpoints = root / "checkpoints"
        for folder in (self.project, self.output, self.checkpoints):
            folder.mkdir()
        self.model(CONVOLUTIONS)
        for path, rows in ((self.train, 64), (self.validation, 33)):
            features = np.random.default_rng(rows).normal(size=(rows, 16)).astype(np.float32)
            np.savez(path, features=features, target=features[:, :3].argmax(1))

    def model(self, source: str) -> None:
        """Write the project's model.py."""
        (self.project / "model.py").write_text(source, encoding="utf-8")

    def training(self, **changes: object) -> dict[str, object]:
        """Give a train request."""
        return self._request("train") | LOOP | {
            "train": str(self.train), "validation": str(self.validation), "epochs": 2, "learning_rate": 0.01,
            "weight_decay": 0.0, "seed": 3, "checkpoints": str(self.checkpoints),
        } | changes  # fmt: skip

    def exporting(self, **changes: object) -> dict[str, object]:
        """Give an export request for the checkpoint that training left."""
        self.shape.write_text(json.dumps({"raw": False}), encoding="utf-8")
        return self._request("export") | {
            "checkpoint": str(self.output / "model.pt"), "probe": str(self.validation), "features": 16, "opset": 18,
            "precision": "fp32", "variants": [],
            "shape": str(self.shape),
        } | changes  # fmt: skip

    def start(self, request: dict[str, object], **environment: str) -> "subprocess.Popen[str]":
        """Start the worker as a process of its own, warnings being errors."""
        path = self.output.parent / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "mlagent.training", str(path)],
            env=os.environ | {"PYTHONPATH": str(Path(mlagent.__file__).parents[1])} | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, request: dict[str, object]) -> int:
        """Run the worker in this process; its exit status."""
        from mlagent.training.__main__ import work

        return work(request, self.output)

    def said(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the output folder."""
        found: dict[str, Any] = json.loads((self.output / name).read_text(encoding="utf-8"))
        return found

    def _request(self, task: str) -> dict[str, object]:
        return {
            "task": task,
            "project": str(self.project),
            "model": "model.py",
            "output": str(self.output),
            "kind": "classification",
            "classes": 3,
        }


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Give an untouched workshop; sys.path is as before afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield Workshop(tmp_path)
    sys.modules.pop("mlagent_team_model", None)
