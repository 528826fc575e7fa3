"""A small network for rows of a table.

mlagent calls `build_model(config)`, where config["features"] is how many columns there are after encoding, and
config["outputs"] how many numbers to give a row. Change anything inside; keep its shape: float32 (rows, features) in,
(rows, outputs) out: a logit a class, the number, or the logarithm of the expected count.
"""

import torch
from torch import nn

WIDTH = 64
CENTRE, SPREAD = 0.0, 1.0  # where a number to predict lies: the layers begin there, in steps of that size


class TableNet(nn.Module):
    """Two hidden layers; normalisation keeps them steady on few rows."""

    def __init__(self, features: int, outputs: int) -> None:
        """Make the layers; the weights come from torch's random generator, which mlagent seeds."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, WIDTH),
            nn.LayerNorm(WIDTH),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, outputs),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give (rows, outputs)."""
        answers: torch.Tensor = self.layers(features)
        return CENTRE + SPREAD * answers


def build_model(config: dict[str, int]) -> nn.Module:
    """Make an untrained network for rows of so many features."""
    return TableNet(config["features"], config["outputs"])
