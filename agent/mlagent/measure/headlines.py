"""The figures that say most of a model, by its task, and what people call them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a card is written without numpy
    from mlagent.measure.metrics import Task

WORDS: Mapping[str, str] = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "macro_auc": "macro AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "f1": "F1",
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "r2": "R2",
    "mae": "MAE",
    "rmse": "RMSE",
    "poisson_deviance": "Poisson deviance",
}
HEADLINES: "Mapping[Task, tuple[str, ...]]" = {
    "binary": ("roc_auc", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("r2", "mae"),
    "count": ("poisson_deviance", "gini"),
}


def spoken(metric: str) -> str:
    """What people call a metric."""
    return WORDS.get(metric, metric.replace("_", " "))
