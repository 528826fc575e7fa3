"""Everything in the process that could make two equal runs differ, settled in one place."""

import os
import random

import numpy as np
import torch

from mlagent.training.faults import EnvironmentFault
from mlagent.training.requests import Device


def settle(seed: int, threads: int = 0, *, deterministic: bool = True) -> None:
    """Seed Python, numpy and torch, and ask torch for deterministic algorithms; `threads` 0 keeps torch's number.

    Where it need not be deterministic, cuDNN tries which of its algorithms is fastest.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(mode=deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    if threads:
        torch.set_num_threads(threads)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  the team's code may use numpy's global generator
    torch.manual_seed(seed)


def device(asked: Device = "auto") -> torch.device:
    """Give the device that is asked for; `auto` is CUDA where there is one, else the CPU."""
    if asked == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault(
            f"train.device is cuda, and torch {torch.__version__} finds no usable GPU here",
            hint="let a node with an NVIDIA GPU and driver run this stage, install a CUDA build of torch,"
            " or set train.device to auto",
        )
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")
