"""What a target is decides by which loss it is learned, what is told besides, and what the model is asked for."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench

OUTPUTS = (
    "from torch import nn\ndef build_model(config):\n    return nn.Linear(config['features'], config['outputs'])\n"
)
F, T = np.ones((6, 4), np.float32), np.ones(6, np.float32)
HOLED, NEGATIVE, BROKEN = T.copy(), T.copy(), T.copy()
HOLED[3], NEGATIVE[2], BROKEN[1] = np.inf, -1, 0.5


def numbers(bench: "Bench", kind: str) -> None:
    """Write data of a number to be learned: linear in the columns, or a count whose logarithm is."""
    bench.model(OUTPUTS)
    for path, rows in ((bench.train, 400), (bench.validation, 200)):
        random = np.random.default_rng(rows)
        features = random.normal(size=(rows, 4)).astype(np.float32)
        signal = features[:, 0] / 2 + 1
        target = random.poisson(np.exp(signal)) if kind == "count" else signal
        np.savez(path, features=features, target=target.astype(np.float32))


@pytest.mark.parametrize("kind", ["regression", "count"])
def test_a_number_is_learned(bench: "Bench", kind: str) -> None:
    numbers(bench, kind)
    ended = bench.ask(kind=kind, classes=0, epochs=40)
    assert ended.error == {}
    assert "validation_mae" in ended.epochs[0]
    weights = torch.load(bench.output / "model.pt", weights_only=True)
    torch.testing.assert_close(weights["weight"], torch.tensor([[0.5, 0, 0, 0]]), atol=0.1, rtol=0)
    torch.testing.assert_close(weights["bias"], torch.tensor([1.0]), atol=0.1, rtol=0)


def test_losses_and_errors_are_means_over_the_rows(bench: "Bench") -> None:
    for kind in ("regression", "count"):
        numbers(bench, kind)
        ended = bench.ask(kind=kind, classes=0, epochs=1)
        model = torch.nn.Linear(4, 1)
        model.load_state_dict(torch.load(bench.output / "model.pt", weights_only=True))
        with np.load(bench.validation) as rows:
            said, target = model(torch.from_numpy(rows["features"]))[:, 0].detach(), torch.from_numpy(rows["target"])
        expected = said.exp() if kind == "count" else said
        loss = (expected - target * said) if kind == "count" else (said - target) ** 2
        assert math.isclose(ended.result["validation_loss"], loss.mean().item(), rel_tol=1e-4)
        assert math.isclose(ended.result["validation_mae"], (expected - target).abs().mean().item(), rel_tol=1e-4)


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("regression", T.astype(np.int64), "target is int64 (6,), not float32 (6,)"),
        ("regression", T.reshape(6, 1), "target is float32 (6, 1), not float32 (6,)"),
        ("regression", HOLED, "target holds inf in row 3 (from 0), which is not finite"),
        ("count", HOLED, "target holds inf in row 3 (from 0), which is not finite"),
        ("count", NEGATIVE, "target holds -1.0 in row 2 (from 0), which is no count"),
        ("count", BROKEN, "target holds 0.5 in row 1 (from 0), which is no count"),
    ],
)
def test_a_target_of_another_kind_is_an_input_error(
    bench: "Bench", kind: str, target: np.ndarray, message: str
) -> None:
    np.savez(bench.train, features=F, target=target)
    ended = bench.ask(kind=kind, classes=0)
    assert ended.status == 4
    assert message in ended.error["message"]


@pytest.mark.parametrize(
    ("kind", "hint"), [("regression", "return one number a row, (n, 1)"), ("count", "the logarithm of the expected")]
)
def test_a_number_wants_one_column(bench: "Bench", kind: str, hint: str) -> None:
    numbers(bench, kind)
    bench.model("from torch import nn\ndef build_model(config):\n    return nn.Linear(config['features'], 2)\n")
    ended = bench.ask(kind=kind, classes=0)
    assert (ended.status, ended.error["message"][-19:]) == (5, "wanted float (1, 1)")
    assert hint in ended.error["hint"]


def test_the_model_is_told_how_many_outputs_it_has(bench: "Bench") -> None:
    bench.model(OUTPUTS)
    assert bench.ask().result["parameters"] == 4 * 2 + 2
