"""What the loop does with each setting, and that it goes on where it was interrupted as if it had not been."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from mlagent.training import train

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench

WIDTH = "from torch import nn\nimport torch\nWIDEST = []\n"
NARROW = """
import torch
from torch import nn

class Narrow(nn.Linear):
    def forward(self, rows):
        if self.training and len(rows) > {most}:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(rows)

def build_model(config):
    return Narrow(config["features"], config["outputs"])
"""
CHANCY = """
import os, random
import numpy, torch
from pathlib import Path
from torch import nn

class Chancy(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(config["features"], 8), nn.BatchNorm1d(8), nn.Dropout(0.3))
        self.out = nn.Linear(8, config["outputs"])
        self.steps = 0

    def forward(self, rows):
        if self.training:
            self.steps += 1
            left = Path(__file__).parent / "ends_after"
            if left.exists() and self.steps > int(left.read_text()):
                raise KeyboardInterrupt
            rows = rows * (1 + random.random() / 9 + numpy.random.rand() / 9)
        return self.out(self.layers(rows))

def build_model(config):
    return Chancy(config)
"""
VARIED = {"epochs": 6, "batch_size": 20, "accumulate": 2, "schedule": "cosine", "warmup_steps": 4, "clip_norm": 1.0}


def weights(bench: "Bench") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(bench.output / "model.pt", weights_only=True)
    return found


def test_a_batch_learned_from_in_pieces_teaches_the_same(bench: "Bench") -> None:
    bench.ask()
    whole = weights(bench)
    bench.ask(accumulate=4)
    torch.testing.assert_close(weights(bench), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("most", [5, 1])
def test_out_of_memory_halves_what_is_learned_from_at_once_and_keeps_the_batch(bench: "Bench", most: int) -> None:
    bench.ask()
    whole = weights(bench)
    bench.model(NARROW.format(most=most))
    ended = bench.ask()
    assert ended.error == {}
    assert ended.result["rows_at_once"] == {5: 4, 1: 1}[most]
    assert "out of memory with 16 rows at once: 8 from now on, in the same batches" in ended.stderr
    torch.testing.assert_close(weights(bench), whole, rtol=1e-4, atol=1e-5)


def test_out_of_memory_with_one_row_is_told(bench: "Bench") -> None:
    bench.model(NARROW.format(most=0))
    ended = bench.ask()
    assert ended.status == 5
    assert "CUDA out of memory" in ended.error["message"]
    assert ended.error["hint"] == "lower train.batch_size, or make the model smaller"


def test_memory_that_the_cpu_has_not_is_told_apart_from_other_errors(bench: "Bench") -> None:
    bench.model(
        "import torch\nfrom torch import nn\nclass Big(nn.Linear):\n    def forward(self, rows):\n"
        "        torch.empty(len(rows) if self.training else 0, 1 << 46)\n        return super().forward(rows)\n"
        "def build_model(config):\n    return Big(config['features'], config['outputs'])\n"
    )
    ended = bench.ask()
    assert ended.status == 5
    assert "1 from now on" in ended.stderr
    assert ended.error["hint"] == "lower train.batch_size, or make the model smaller"


def test_the_learning_rate_warms_up_and_falls(bench: "Bench") -> None:
    """97 rows, 16 at once and the lone last one with its neighbours, are 6 steps an epoch."""
    rates = [one["learning_rate"] for one in bench.ask(epochs=4, schedule="linear", warmup_steps=6).epochs]
    assert rates == pytest.approx([0.05, 0.05 * (1 - 5 / 18), 0.05 * (1 - 11 / 18), 0.05 * (1 - 17 / 18)])
    rates = [one["learning_rate"] for one in bench.ask(epochs=2, schedule="cosine").epochs]
    assert rates == pytest.approx([0.05 * (1 + np.cos(np.pi * step / 12)) / 2 for step in (5, 11)])
    assert [one["learning_rate"] for one in bench.ask(epochs=2, warmup_steps=12).epochs] == pytest.approx([0.025, 0.05])


def test_a_clipped_gradient_moves_the_weights_no_further(bench: "Bench") -> None:
    """AdamW divides by the gradient's own size, so what tells is its first step from gradients that differ in size."""
    bench.ask(clip_norm=1e-9, weight_decay=0, epochs=1)
    clipped = weights(bench)
    bench.ask(learning_rate=1e-30, weight_decay=0, epochs=1)
    start = weights(bench)
    bench.ask(weight_decay=0, epochs=1)
    moved = [(one["weight"] - start["weight"]).abs().max() for one in (clipped, weights(bench))]
    assert moved[0] < moved[1] / 5


def test_rare_classes_weigh_as_much_as_others_where_asked(bench: "Bench") -> None:
    random = np.random.default_rng(1)
    target = np.r_[np.zeros(180, np.int64), np.ones(20, np.int64)]
    np.savez(bench.train, features=random.normal(size=(200, 4)).astype(np.float32), target=target)
    shares = []
    for asked in ("none", "balanced"):
        bench.ask(class_weights=asked, epochs=60)
        bias = weights(bench)["bias"]
        shares.append(float(torch.softmax(bias, 0)[1]))
    assert shares == pytest.approx([0.1, 0.5], abs=0.12)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_and_leaves_full_weights(bench: "Bench", precision: str) -> None:
    ended = bench.ask(precision=precision, epochs=20)
    assert ended.result["validation_accuracy"] >= 0.95
    assert ended.result["precision"] == precision
    assert {one.dtype for one in weights(bench).values()} == {torch.float32}
    assert bench.ask(epochs=20).result["validation_loss"] != ended.result["validation_loss"]


def test_it_stops_when_nothing_gets_better(bench: "Bench") -> None:
    ended = bench.ask(epochs=50, patience=3, learning_rate=2.0)
    assert ended.result["epochs"] == ended.result["best_epoch"] + 3 < 50
    assert len(ended.epochs) == ended.result["epochs"]


def test_a_gpu_that_is_not_there_is_a_matter_of_configuration(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ended = bench.ask(device="cuda")
    assert ended.status == 3
    assert "train.device is cuda" in ended.error["message"]


def test_a_loss_that_is_no_number_ends_it_within_the_epoch(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "_LOOK_SECONDS", 0.0)
    bench.model(
        WIDTH + "class Net(nn.Linear):\n    def forward(self, rows):\n        WIDEST.append(len(rows))\n"
        "        return super().forward(rows) * (float('nan') if len(WIDEST) > 5 else 1)\n"
        "def build_model(config):\n    return Net(config['features'], config['outputs'])\n"
    )
    ended = bench.ask(epochs=1, batch_size=2)
    assert ended.status == 5
    assert "the training loss became nan in epoch 1 of 1 (model built at model.py:8)" in ended.error["message"]
    assert "train.clip_norm" in ended.error["hint"]


@pytest.mark.parametrize("after", [1, 7, 10, 11, 23, 30, 55])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_training_ends_bit_identical(bench: "Bench", after: int, precision: str) -> None:
    bench.model(CHANCY)
    undisturbed = bench.ask(**VARIED, precision=precision)
    assert undisturbed.error == {}
    expected = (bench.output / "model.pt").read_bytes()
    asked = bench.request(**VARIED, precision=precision, checkpoint_steps=3)
    (bench.project / "ends_after").write_text(str(after))
    with pytest.raises(KeyboardInterrupt):
        bench.run(asked)
    kept = sorted(path.name for path in bench.checkpoints.glob("0*"))
    assert bool(kept) == (after >= 6)  # two pieces a step
    (bench.project / "ends_after").unlink()
    ended = bench.run(asked)
    assert ("going on from step" in ended.stderr) == bool(kept)
    assert (bench.output / "model.pt").read_bytes() == expected
    assert [without_time(line) for line in ended.epochs] == [without_time(line) for line in undisturbed.epochs]
    assert ended.result == undisturbed.result


def without_time(line: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name != "seconds"}


def interrupted(bench: "Bench", **changes: object) -> list[Path]:
    """Leave the checkpoints of a training that was interrupted; they, the newest first."""
    bench.model(CHANCY)
    (bench.project / "ends_after").write_text("50")
    with pytest.raises(KeyboardInterrupt):
        bench.ask(**VARIED, **{"checkpoint_steps": 3} | changes)
    (bench.project / "ends_after").unlink()
    return sorted(bench.checkpoints.glob("0*"), reverse=True)


def test_so_many_checkpoints_stay_and_the_best_weights_that_they_name(bench: "Bench") -> None:
    found = interrupted(bench, keep_checkpoints=3)
    assert [int(path.name[:10]) for path in found] == [24, 21, 18]
    named = {f"best-{path.stem.rpartition('-')[2]}.pt" for path in found}
    assert {path.name for path in bench.checkpoints.glob("best-*")} == named


def test_a_damaged_checkpoint_leaves_the_one_before_it(bench: "Bench") -> None:
    bench.model(CHANCY)
    bench.ask(**VARIED)
    expected = (bench.output / "model.pt").read_bytes()
    newest, before = interrupted(bench)
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    ended = bench.ask(**VARIED)
    step, steps = int(before.name[:10]), 5
    assert f"going on from step {step % steps} of 5 of epoch {step // steps + 1}" in ended.stderr
    assert (bench.output / "model.pt").read_bytes() == expected


def test_a_checkpoint_is_kept_after_so_many_minutes(bench: "Bench") -> None:
    bench.ask(checkpoint_minutes=1e-9)
    assert max(path.name for path in bench.checkpoints.glob("0*")).startswith("0000000018")
