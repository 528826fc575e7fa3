"""What the model promises; `mlagent check` runs these before any time goes into training."""

import pytest
import torch
from torch import nn

from model import build_model

CONFIG = {"features": 64, "classes": 10}


def images(rows: int) -> torch.Tensor:
    """Give `rows` images of random pixels, 0 .. 16, the same each time."""
    return torch.randint(0, 17, (rows, 64), generator=torch.Generator().manual_seed(7)).float()


def seeded() -> nn.Module:
    """Give a model whose first weights are always the same."""
    torch.manual_seed(1)
    return build_model(CONFIG)


@pytest.mark.parametrize("rows", [1, 2, 33])
def test_it_gives_one_logit_a_class_for_any_number_of_rows(rows: int) -> None:
    assert seeded().eval()(images(rows)).shape == (rows, 10)


def test_every_parameter_learns_from_the_loss() -> None:
    model = seeded()
    nn.functional.cross_entropy(model(images(32)), torch.arange(32) % 10).backward()
    still = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert still == []


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = seeded().state_dict(), seeded().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_answer_depends_on_its_own_row_only() -> None:
    model = seeded().eval()
    rows = images(8)
    torch.testing.assert_close(model(rows)[3:4], model(rows[3:4]))


def test_it_can_learn_a_handful_of_images_by_heart() -> None:
    model, rows, target = seeded(), images(20), torch.arange(20) % 10
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(rows), target).backward()
        optimizer.step()
    assert torch.equal(model.eval()(rows).argmax(1), target)


def test_data_of_another_shape_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="8x8 images"):
        build_model({"features": 30, "classes": 10})
