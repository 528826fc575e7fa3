"""Everything in the process that could make two equal runs differ, settled in one place."""

import os
import random

import numpy as np
import torch


def settle(seed: int, threads: int = 0) -> None:
    """Seed Python, numpy and torch, and ask torch for deterministic algorithms; `threads` 0 keeps torch's number."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(mode=True)
    if threads:
        torch.set_num_threads(threads)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  the team's code may use numpy's global generator
    torch.manual_seed(seed)


def device() -> torch.device:
    """Choose a CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
