"""Training: what it learns, what it leaves behind, and that it does so the same way twice."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench

KEYS = {"epoch", "of", "train_loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds"}
FILES = {"environment.txt", "model.pt", "epochs.jsonl", "result.json"}
NORMED = """
from torch import nn

def build_model(config):
    return nn.Sequential(nn.Linear(config["features"], 8), nn.BatchNorm1d(8), nn.Linear(8, config["classes"]))
"""
CHANCY = """
import random
import numpy
import torch
from torch import nn

class Chancy(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.out = nn.Linear(config["features"], config["classes"])
        self.start = nn.Parameter(torch.tensor([random.random(), numpy.random.rand()], dtype=torch.float32))

    def forward(self, features):
        return nn.functional.dropout(self.out(features), 0.2, self.training) + self.start

def build_model(config):
    return Chancy(config)
"""


def test_it_learns_what_can_be_learned(bench: "Bench") -> None:
    ended = bench.ask(epochs=20)
    assert (ended.status, ended.error) == (0, {})
    assert ended.result["validation_accuracy"] >= 0.95
    assert ended.epochs[-1]["train_loss"] < ended.epochs[0]["train_loss"] / 2


def test_it_leaves_exactly_the_files_of_the_contract(bench: "Bench") -> None:
    bench.ask()
    assert bench.names() == FILES


def test_each_epoch_is_a_line_with_its_losses_accuracy_and_time(bench: "Bench") -> None:
    lines = bench.ask().epochs
    assert [(line["epoch"], line["of"]) for line in lines] == [(1, 3), (2, 3), (3, 3)]
    assert set(lines[0]) == KEYS
    assert all(line["seconds"] > 0 and 0 <= line["validation_accuracy"] <= 1 for line in lines)


def test_the_weights_are_those_of_the_epoch_with_the_lowest_validation_loss(bench: "Bench") -> None:
    ended = bench.ask(epochs=12, learning_rate=3.0)  # far too fast: the last epoch is not the best one
    best = min(ended.epochs, key=lambda line: line["validation_loss"])
    assert best["epoch"] != 12
    assert ended.result["best_epoch"] == best["epoch"]
    model = torch.nn.Linear(4, 2)
    model.load_state_dict(torch.load(bench.output / "model.pt", weights_only=True))
    with np.load(bench.validation) as rows:
        features, target = torch.from_numpy(rows["features"]), torch.from_numpy(rows["target"])
    loss = torch.nn.functional.cross_entropy(model(features), target).item()
    assert loss == pytest.approx(best["validation_loss"], rel=1e-5)


def test_the_same_request_gives_the_same_bytes(bench: "Bench") -> None:
    bench.model(CHANCY)
    first = bench.ask()
    weights, result = ((bench.output / name).read_bytes() for name in ("model.pt", "result.json"))
    second = bench.ask()
    assert (bench.output / "model.pt").read_bytes() == weights
    assert (bench.output / "result.json").read_bytes() == result
    assert [line["train_loss"] for line in first.epochs] == [line["train_loss"] for line in second.epochs]


def test_another_seed_gives_other_weights(bench: "Bench") -> None:
    bench.ask()
    weights = (bench.output / "model.pt").read_bytes()
    bench.ask(seed=2)
    assert (bench.output / "model.pt").read_bytes() != weights


def test_the_result_names_neither_a_time_nor_a_place(bench: "Bench", tmp_path: Path) -> None:
    result = bench.ask().result
    assert set(result) == {
        "best_epoch", "epochs", "validation_loss", "validation_accuracy",
        "features", "parameters", "device", "precision", "rows_at_once", "threads", "torch",
    }  # fmt: skip
    assert (result["features"], result["parameters"], result["threads"]) == (4, 10, 1)
    assert str(tmp_path) not in json.dumps(result)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine would train on its GPU")
def test_the_device_is_recorded(bench: "Bench") -> None:
    assert bench.ask().result["device"] == "cpu"


@pytest.mark.parametrize("batch_size", [16, 32, 96, 97, 1000])
def test_batch_normalisation_survives_every_batch_size_over_97_rows(bench: "Bench", batch_size: int) -> None:
    bench.model(NORMED)
    assert bench.ask(batch_size=batch_size, epochs=1).error == {}


def test_a_model_may_import_its_neighbours_in_the_project(bench: "Bench") -> None:
    bench.model("WIDTH = 5\n", "layers_of_ours.py")
    bench.model("""
from torch import nn
from layers_of_ours import WIDTH

def build_model(config):
    return nn.Sequential(nn.Linear(config["features"], WIDTH), nn.Linear(WIDTH, config["classes"]))
""")
    assert bench.ask().result["parameters"] == 4 * 5 + 5 + 5 * 2 + 2


def test_lazy_layers_find_their_size_before_training(bench: "Bench") -> None:
    bench.model("from torch import nn\ndef build_model(config):\n    return nn.LazyLinear(config['classes'])\n")
    assert bench.ask().result["parameters"] == 10


def test_nothing_is_written_into_the_project(bench: "Bench") -> None:
    bench.ask()
    assert [path.name for path in bench.project.rglob("*")] == ["model.py"]


def test_what_an_earlier_attempt_left_is_gone(bench: "Bench") -> None:
    bench.ask()
    (bench.output / ".model.pt.partial").write_bytes(b"half")
    bench.model("raise ValueError('not today')\n")
    assert bench.ask().status == 5
    assert bench.names() == {"environment.txt", "error.json"}


def test_a_full_disk_is_worth_a_retry(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    ended = bench.ask()
    assert ended.status == 20
    assert "No space left on device" in ended.stderr
    assert not {name for name in bench.names() if name.endswith(".partial")}
    assert not {"model.pt", "result.json"} & bench.names()
