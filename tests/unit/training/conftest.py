"""A tiny project, tiny data and a way to hand the worker a request in this process."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.worker_request import LOOP

LINEAR = """
import torch
from torch import nn

def build_model(config):
    return nn.Linear(config["features"], config["classes"])
"""


class Ended(NamedTuple):
    """How a request ended: exit status, error.json or result.json, the lines of epochs.jsonl, stderr's text."""

    status: int
    error: dict[str, str]
    result: dict[str, Any]
    epochs: list[dict[str, float]]
    stderr: str


class Bench:
    """A project folder, an output folder and two data files; `ask` runs the worker on them."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Make the folders and write data of two classes, told apart by the sign of the first column."""
        self.project, self.output, self._capsys = root / "project", root / "output", capsys
        self.train, self.validation = root / "train.npz", root / "validation.npz"
        self.checkpoints = root / "checkpoints"
        for folder in (self.project, self.output, self.checkpoints):
            folder.mkdir()
        self.model(LINEAR)
        self.data(self.train, rows=97, seed=1)
        self.data(self.validation, rows=40, seed=2)

    def model(self, source: str, name: str = "model.py") -> None:
        """Write a file of the project."""
        (self.project / name).write_text(source, encoding="utf-8")

    def data(self, path: Path, rows: int, seed: int, columns: int = 4) -> None:
        """Write learnable rows."""
        features = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
        np.savez(path, features=features, target=(features[:, 0] > 0).astype(np.int64))

    def request(self, **changes: object) -> dict[str, object]:
        """Give a whole train request, with changes; a change to None takes the key out."""
        whole: dict[str, object] = {
            "task": "train",
            "project": str(self.project),
            "model": "model.py",
            "output": str(self.output),
            "train": str(self.train),
            "validation": str(self.validation),
            "kind": "classification",
            "classes": 2,
            "checkpoints": str(self.checkpoints),
            **LOOP,
        }
        return {name: value for name, value in (whole | changes).items() if value is not None}

    def ask(self, **changes: object) -> Ended:
        """Run a train request in this process and read what it left."""
        return self.run(self.request(**changes))

    def run(self, request: dict[str, object]) -> Ended:
        """Run any request in this process and read what it left."""
        from mlagent.training.__main__ import work

        self._capsys.readouterr()
        status = work(request, self.output)
        return Ended(
            status,
            self._json("error.json"),
            self._json("result.json"),
            [json.loads(line) for line in self._text("epochs.jsonl").splitlines()],
            self._capsys.readouterr().err,
        )

    def names(self) -> set[str]:
        """Give the names of everything in the output folder."""
        return {path.name for path in self.output.iterdir()}

    def _text(self, name: str) -> str:
        path = self.output / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._text(name) or "{}")
        return found


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Give a bench; what the project brought into this process leaves with it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield Bench(tmp_path, capsys)
    for name, module in list(sys.modules.items()):
        if name not in before and str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
