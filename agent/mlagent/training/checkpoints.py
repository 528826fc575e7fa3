"""What an interrupted training goes on from: whole files, the last few of them, and the best epoch's weights."""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlagent.training import files

NAME = re.compile(r"(\d{10})-best-(\d+)\.pt")
BEST = "best-{}.pt"

Weights = dict[str, Tensor]


class Checkpoints:
    """A folder of checkpoints, each named by its steps from the start and by the epoch whose weights are best."""

    def __init__(self, folder: Path, keep: int) -> None:
        """The folder is there; `keep` says how many of the newest stay."""
        self.folder, self.keep = folder, keep
        files.drop_partials(folder)

    def save(self, steps: int, state: Mapping[str, object], best: int, weights: Weights) -> None:
        """Write the state, with every random generator's, and before it the best weights if they are new (0: none)."""
        if best and not self._best(best).exists():
            _write(self._best(best), weights)
        _write(self.folder / f"{steps:010d}-best-{best}.pt", {**state, "random": _random()})
        for path in self._newest_first()[self.keep :]:
            path.unlink()
        used = {self._best(_best_of(path)) for path in self._newest_first()}
        for path in self.folder.glob(BEST.format("*")):
            if path not in used:
                path.unlink()

    def load(self) -> tuple[dict[str, Any], Weights] | None:
        """Give the newest state that can be read and the best weights of then; None where there is none."""
        for path in self._newest_first():
            state, best = _read(path), _best_of(path)
            weights = _read(self._best(best)) if best else {}
            if state is not None and weights is not None:
                return state, weights
        return None

    def _best(self, epoch: int) -> Path:
        return self.folder / BEST.format(epoch)

    def _newest_first(self) -> list[Path]:
        return sorted((path for path in self.folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)


def restore_random(state: Mapping[str, Any]) -> None:
    """Set every random generator to where it was."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy(), *rest))  # noqa: NPY002  the team's code may use it
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def _random() -> dict[str, object]:
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (str(name), torch.from_numpy(np.array(keys)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _best_of(path: Path) -> int:
    found = NAME.fullmatch(path.name)
    return int(found[2]) if found else 0


def _write(path: Path, state: Mapping[str, object]) -> None:
    with files.whole(path) as file:
        torch.save(state, file)


def _read(path: Path) -> dict[str, Any] | None:
    """What the file holds, on the CPU and without running any code in it; None where it is not whole."""
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  whatever is wrong with it, the one before it may do
        return None
    return found
