"""How far two distributions are apart, from the same bins' counts or from two samples."""

import numpy as np

EMPTY = 1e-4  # the share of an empty bin, so that its logarithm exists


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts (bins,) as shares that sum to 1; NaN where nothing was counted."""
    total = counts.sum()
    found: np.ndarray = counts / total if total else np.full(len(counts), np.nan)
    return found


def psi(expected: np.ndarray, actual: np.ndarray) -> float:
    """Population stability index of two counts (bins,): sum of (a - e) ln(a / e), empty bins taken as 0.0001.

    Below 0.1 is called stable, above 0.25 shifted (Siddiqi 2006, Credit Risk Scorecards). NaN when either is empty.
    """
    before, now = shares(expected), shares(actual)
    before, now = np.where(before == 0, EMPTY, before), np.where(now == 0, EMPTY, now)
    return float(((now - before) * np.log(now / before)).sum())


def jensen_shannon(expected: np.ndarray, actual: np.ndarray) -> float:
    """Jensen-Shannon distance of two counts (bins,), base 2: from 0 (equal) to 1 (nothing in common)."""
    before, now = shares(expected), shares(actual)
    middle = (before + now) / 2
    return float(np.sqrt(np.maximum(0.0, (_relative(before, middle) + _relative(now, middle)) / 2)))


def kolmogorov_smirnov(expected: np.ndarray, actual: np.ndarray) -> float:
    """The largest difference between two samples' distribution functions (n,), (m,); NaN when either is empty."""
    if not len(expected) or not len(actual):
        return float("nan")
    points = np.concatenate([expected, actual])
    before, now = (np.searchsorted(np.sort(one), points, side="right") / len(one) for one in (expected, actual))
    return float(np.abs(before - now).max())


def _relative(one: np.ndarray, other: np.ndarray) -> float:
    """Kullback-Leibler divergence in bits; what has no share adds nothing."""
    there = one > 0
    return float("nan") if np.isnan(other).any() else float((one[there] * np.log2(one[there] / other[there])).sum())
