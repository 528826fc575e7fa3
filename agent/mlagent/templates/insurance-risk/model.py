"""A small network that says how likely a motor policy is to have a claim.

mlagent calls `build_model(config)` with config = {"features": columns after encoding, "classes": 2}. Change anything
inside; keep its shape: float32 (rows, features) in, one logit a class out, (rows, classes).
"""

import torch
from torch import nn

WIDTH = 32


class RiskNet(nn.Module):
    """Two hidden layers; batch normalisation scales the raw columns, so rows are served as they are."""

    def __init__(self, features: int, classes: int) -> None:
        """Make the layers; the weights come from torch's random generator, which mlagent seeds."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(features),
            nn.Linear(features, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, classes),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Give logits (rows, classes)."""
        logits: torch.Tensor = self.layers(features)
        return logits


def build_model(config: dict[str, int]) -> nn.Module:
    """Make an untrained network for rows of so many features."""
    return RiskNet(config["features"], config["classes"])
