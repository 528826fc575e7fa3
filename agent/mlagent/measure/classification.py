"""How good a classifier's probabilities are on rows it never saw."""

import math

import msgspec
import numpy as np

Z95 = 1.959963984540054


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Plain numbers; `accuracy_interval` is Wilson's 95 %, `baseline_accuracy` that of naming the commonest class."""

    rows: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    baseline_accuracy: float
    log_loss: float
    macro_f1: float


def measure(probabilities: np.ndarray, target: np.ndarray) -> Metrics:
    """Score `probabilities` (rows, classes) against `target` int (rows,); log loss in nats, NaN where they hold NaN."""
    rows = len(target)
    right = probabilities.argmax(axis=1) == target
    chosen = probabilities[np.arange(rows), target].astype(np.float64)
    return Metrics(
        rows=rows,
        accuracy=float(right.mean()) if np.isfinite(probabilities).all() else math.nan,
        accuracy_interval=wilson(int(right.sum()), rows),
        baseline_accuracy=float(np.bincount(target).max() / rows),
        log_loss=float(-np.log(np.clip(chosen, np.finfo(np.float32).tiny, 1.0)).mean()),
        macro_f1=_macro_f1(probabilities.argmax(axis=1), target),
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, Z95 * Z95
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def _macro_f1(predicted: np.ndarray, target: np.ndarray) -> float:
    classes = np.unique(np.concatenate([predicted, target]))
    hits = np.array([((predicted == one) & (target == one)).sum() for one in classes])
    sizes = np.array([(predicted == one).sum() + (target == one).sum() for one in classes])
    return float((2 * hits / sizes).mean())
