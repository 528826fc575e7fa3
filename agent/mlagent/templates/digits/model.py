"""A small convolutional network that reads handwritten digits from 8x8 images.

mlagent calls `build_model(config)` with config = {"features": columns of the data, "classes": digits to tell apart}.
Change anything inside; keep its shape: float32 (rows, features) in, one logit a class out, (rows, classes).
"""

import torch
from torch import nn

SIDE = 8
BRIGHTEST = 16.0


class DigitsNet(nn.Module):
    """Two convolutions over the image, then one linear layer; it scales the pixels itself, so rows are served raw."""

    def __init__(self, classes: int) -> None:
        """Make the layers; the weights come from torch's random generator, which mlagent seeds."""
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.digit = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 2 * 2, classes))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Take pixels 0 .. 16, (rows, 64) line by line; give logits (rows, classes)."""
        images = (features / BRIGHTEST).reshape(-1, 1, SIDE, SIDE)
        logits: torch.Tensor = self.digit(self.image(images))
        return logits


def build_model(config: dict[str, int]) -> nn.Module:
    """Make an untrained network; ValueError when the data is not 8x8 images."""
    if config["features"] != SIDE * SIDE:
        message = f"this model reads {SIDE}x{SIDE} images ({SIDE * SIDE} columns), the data has {config['features']}"
        raise ValueError(message)
    return DigitsNet(config["classes"])
