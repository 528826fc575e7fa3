"""The metrics of every task: a model's predictions are prepared once, then measured under many weightings at once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Protocol, get_args

import numpy as np

from mlagent.measure.binary import Binary
from mlagent.measure.multiclass import Multiclass
from mlagent.measure.numeric import Count, Regression

Task = Literal["binary", "multiclass", "regression", "count"]
NAMES: Mapping[Task, tuple[str, ...]] = MappingProxyType({
    "binary": (
        *("roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall"),
        *("specificity", "f1", "mcc", "selection_rate", "calibration_error", "mean_prediction_ratio"),
    ),
    "multiclass": (
        *("accuracy", "balanced_accuracy", "log_loss", "brier", "macro_f1", "macro_auc", "calibration_error"),
    ),
    "regression": ("mae", "rmse", "r2", "bias"),
    "count": ("mae", "rmse", "poisson_deviance", "mean_prediction_ratio", "gini"),
})  # fmt: skip
_LOWER = {"log_loss", "brier", "calibration_error", "mae", "rmse", "poisson_deviance"}
_NEITHER = {"selection_rate", "mean_prediction_ratio", "bias"}  # best at a value of their own
HIGHER_IS_BETTER: Mapping[str, bool | None] = MappingProxyType(
    {name: None if name in _NEITHER else name not in _LOWER for names in NAMES.values() for name in names}
)


class Scorer(Protocol):
    """One model's predictions, sorted and grouped, ready to be measured."""

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (b,) of weights (b, n): how often each row counts; ones give the plain metric."""
        ...


class Unknown:
    """Predictions that hold NaN or infinity: nothing is known of them."""

    def __init__(self, task: Task) -> None:
        self._names = NAMES[task]

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """NaN (b,) for every metric."""
        return {name: np.full(len(weights), np.nan) for name in self._names}


def prepare(task: Task, prediction: np.ndarray, target: np.ndarray, threshold: float | None = None) -> Scorer:
    """Sort and group one model's predictions; a ValueError says what cannot be measured.

    `prediction` is the probability of class 1 (n,), of each class (n, k), or the number expected (n,); `target` (n,) is
    0 or 1, a class, or a number. From `threshold` on (0.5 unless given) a binary model says 1.
    """
    check(task, prediction, target)
    if not np.isfinite(prediction).all():
        return Unknown(task)
    if task == "binary":
        return Binary(prediction, target, 0.5 if threshold is None else threshold)
    if task == "multiclass":
        return Multiclass(prediction, target)
    return (Regression if task == "regression" else Count)(prediction, target)


def check(task: Task, prediction: np.ndarray, target: np.ndarray) -> None:
    """Refuse, with a ValueError, what is not this task's shape or range."""
    if task not in get_args(Task):
        raise ValueError(f"no such task: {task}")
    if prediction.ndim != (2 if task == "multiclass" else 1) or target.ndim != 1 or len(prediction) != len(target):
        raise ValueError(f"{task}: predictions of shape {prediction.shape} do not fit a target of {target.shape}")
    if not len(target) or not np.isfinite(target).all():
        raise ValueError(f"{task}: the target is empty, or not a number in some row")
    if task == "count" and target.min() < 0:
        raise ValueError("count: the target is below 0 in some row")
    if task in ("binary", "multiclass"):
        _check_classes(prediction, target)


def _check_classes(prediction: np.ndarray, target: np.ndarray) -> None:
    classes = prediction.shape[1] if prediction.ndim == 2 else 2
    if not np.isin(target, np.arange(classes)).all():
        raise ValueError(f"the target is not one of the classes 0 to {classes - 1} in some row")
    there = prediction[np.isfinite(prediction)]
    if there.size and (there.min() < 0 or there.max() > 1):
        raise ValueError("probabilities lie between 0 and 1; these do not")
    sums = prediction.sum(axis=1) if prediction.ndim == 2 else np.ones(1)
    if (np.abs(sums - 1) > 0.01).any():  # what low precision leaves is less
        raise ValueError("the classes' probabilities do not sum to 1 in some row")
