"""How good probabilities of several classes are, for many weightings of the rows at once."""

import numpy as np

from mlagent.measure.binary import binned, log_losses
from mlagent.measure.ranking import Ranked, divided


class Multiclass:
    """One model's probabilities (n, k) and the target's class 0 to k - 1 (n,)."""

    def __init__(self, probabilities: np.ndarray, target: np.ndarray) -> None:
        classes = np.arange(probabilities.shape[1])
        said = probabilities.argmax(axis=1)
        exact = probabilities.astype(np.float64)
        true, right = target[:, None] == classes, said == target
        loss = log_losses(exact[true], probabilities.dtype)
        plain = [np.ones(len(exact)), right, loss, ((exact - true) ** 2).sum(axis=1)]
        top = exact.max(axis=1)
        by_class = [true, said[:, None] == classes, true & right[:, None]]
        self._classes = len(classes)
        self._columns = np.column_stack([*plain, *by_class, binned(top, top - right)])
        self._ranked = [Ranked(probabilities[:, one], true[:, one]) for one in classes]

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (b,) of weights (b, n); macro_auc is NaN where a class lacks."""
        sums = (weights.astype(np.float64, copy=False) @ self._columns).T
        rows, right, loss, square = sums[:4]
        true, said, hits = sums[4 : 4 + 3 * self._classes].reshape(3, self._classes, -1)
        aucs = [one.compute(weights)[0] for one in self._ranked]
        return {
            "accuracy": divided(right, rows),
            "balanced_accuracy": _mean_there(divided(hits, true)),
            "log_loss": divided(loss, rows),
            "brier": divided(square, rows),
            "macro_f1": _mean_there(divided(2 * hits, true + said)),
            "macro_auc": np.mean(aucs, axis=0),
            "calibration_error": divided(np.abs(sums[4 + 3 * self._classes :]).sum(axis=0), rows),
        }


def _mean_there(values: np.ndarray) -> np.ndarray:
    """The mean over the classes (k, b) that occur, (b,)."""
    there = ~np.isnan(values)
    return divided(np.where(there, values, 0).sum(axis=0), there.sum(axis=0))
