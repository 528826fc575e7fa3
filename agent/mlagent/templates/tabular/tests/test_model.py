"""What the model promises; `mlagent check` runs these before any time goes into training."""

import pytest
import torch
from torch import nn

from model import build_model

CONFIG = {"features": 12, "outputs": 3}


def table(rows: int) -> torch.Tensor:
    """Give `rows` of random numbers, the same each time."""
    return torch.randn(rows, 12, generator=torch.Generator().manual_seed(7))


def seeded() -> nn.Module:
    """Give a model whose first weights are always the same."""
    torch.manual_seed(1)
    return build_model(CONFIG)


@pytest.mark.parametrize("rows", [1, 2, 33])
def test_it_answers_any_number_of_rows(rows: int) -> None:
    assert seeded().eval()(table(rows)).shape == (rows, 3)


def test_every_parameter_learns_from_the_loss() -> None:
    model = seeded()
    nn.functional.mse_loss(model(table(64)), table(64)[:, :3]).backward()
    still = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert still == []


def test_an_answer_depends_on_its_own_row_only() -> None:
    model = seeded().eval()
    rows = table(8)
    torch.testing.assert_close(model(rows)[3:4], model(rows[3:4]))
