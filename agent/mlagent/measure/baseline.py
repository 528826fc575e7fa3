"""What a model must beat: the same answer for every row."""

import numpy as np

from mlagent.measure.metrics import Task


def constant(task: Task, train_target: np.ndarray, rows: int, classes: int | None = None) -> np.ndarray:
    """The train target's mean (rows,), or each class's share in it (rows, classes); as `prepare` takes predictions."""
    if task == "multiclass":
        counts = np.bincount(train_target.astype(np.intp), minlength=classes or 0)
        return np.tile(counts / counts.sum(), (rows, 1))
    return np.full(rows, float(np.mean(train_target)))
