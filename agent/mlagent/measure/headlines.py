"""The figures that say most of a model, by its task, and what people call them."""

from collections.abc import Mapping

from mlagent.measure.metrics import Task

WORDS: Mapping[str, str] = {
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "r2": "R2",
    "mae": "MAE",
    "poisson_deviance": "Poisson deviance",
}
HEADLINES: Mapping[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("r2", "mae"),
    "count": ("poisson_deviance", "gini"),
}
