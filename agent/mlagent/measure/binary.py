"""How good probabilities of yes and no are, for many weightings of the rows at once."""

from typing import Any

import numpy as np

from mlagent.measure.ranking import Ranked, divided

BINS = 10  # of the calibration error; each has as many rows as the next, ties aside


class Binary:
    """One model's probability of class 1 (n,), the target 0 or 1 (n,), and from which probability on it says 1."""

    def __init__(self, probability: np.ndarray, target: np.ndarray, threshold: float = 0.5) -> None:
        positive = target.astype(bool)
        said = probability >= threshold
        exact = probability.astype(np.float64)
        loss = log_losses(np.where(positive, exact, 1 - exact), probability.dtype)
        plain = [np.ones(len(exact)), positive, said, said & positive, loss, (exact - positive) ** 2, exact]
        self._columns = np.column_stack([*plain, binned(exact, exact - positive)])
        self._ranked = Ranked(probability, positive)

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (b,) of weights (b, n); NaN where it is not defined, such as precision where none is said 1."""
        sums = (weights.astype(np.float64, copy=False) @ self._columns).T
        rows, positives, said, hits, loss, square, mean = sums[:7]
        auc, average_precision = self._ranked.compute(weights)
        return {
            "roc_auc": auc,
            "pr_auc": average_precision,
            "log_loss": divided(loss, rows),
            "brier": divided(square, rows),
            **decisions(rows, positives, said, hits),
            "calibration_error": divided(np.abs(sums[7:]).sum(axis=0), rows),
            "mean_prediction_ratio": divided(mean, positives),
        }


def decisions(rows: np.ndarray, positives: np.ndarray, said: np.ndarray, hits: np.ndarray) -> dict[str, np.ndarray]:
    """What follows from four counts (b,): rows, those of class 1, those said to be 1, and those of both."""
    negatives, passed = rows - positives, rows - said
    rejected = negatives - (said - hits)
    recall, specificity = divided(hits, positives), divided(rejected, negatives)
    scale = np.sqrt(said) * np.sqrt(passed) * np.sqrt(positives) * np.sqrt(negatives)
    return {
        "accuracy": divided(hits + rejected, rows),
        "balanced_accuracy": (recall + specificity) / 2,
        "precision": divided(hits, said),
        "recall": recall,
        "specificity": specificity,
        "f1": divided(2 * hits, said + positives),
        "mcc": divided(hits * rejected - (said - hits) * (positives - hits), scale),
        "selection_rate": divided(said, rows),
    }


def log_losses(chosen: np.ndarray, held_as: np.dtype[Any]) -> np.ndarray:
    """Minus the logarithm (nats) of the probability that the truth was given; at least the number type's epsilon.

    So scikit-learn does it, where probabilities of 0 would make the loss infinite.
    """
    smallest = float(np.finfo(held_as if held_as.kind == "f" else np.float64).eps)
    found: np.ndarray = -np.log(np.clip(chosen, smallest, 1 - smallest))
    return found


def binned(score: np.ndarray, column: np.ndarray) -> np.ndarray:
    """A column (n,) as one for each quantile bin of the score, (n, bins), 0 outside the bin.

    A bin's share of the calibration error is the absolute sum of what was said less what came true, so one column a
    bin is enough. Rows of equal score are in one bin.
    """
    edges = np.unique(np.quantile(score, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, score, side="right")
    found: np.ndarray = column[:, None] * (bins[:, None] == np.arange(len(edges) + 1))
    return found
