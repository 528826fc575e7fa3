"""An epoch of the bench's MLP by Lightning's Trainer over a DataLoader; prints CPU milliseconds of the fit."""

import logging
import sys
import time
import warnings

import lightning
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Net(lightning.LightningModule):  # type: ignore[misc]
    """The same model, loss and optimiser."""

    def __init__(self, features: int) -> None:
        """Build it."""
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _index: int) -> torch.Tensor:
        """Give the loss."""
        features, target = batch
        loss: torch.Tensor = cross_entropy(self.layers(features), target)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give the optimiser."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)


rows, features, batch = map(int, sys.argv[1:])
torch.set_num_threads(1)
torch.manual_seed(1)
data = torch.randn(rows, features)
loader = DataLoader(TensorDataset(data, (data[:, 0] > 0).long()), batch_size=batch, shuffle=True)
bare = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", **bare)
start = time.process_time()
trainer.fit(Net(features), loader)
print((time.process_time() - start) * 1000)
