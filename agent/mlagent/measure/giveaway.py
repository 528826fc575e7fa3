"""How much of the target one column gives away by itself."""

import numpy as np

BINS = 50


def given_away(values: np.ndarray, target: np.ndarray) -> float:
    """Goodman and Kruskal's lambda (1954): the share of a blind guess's errors that knowing the column removes.

    `values` (rows,) are numbers or codes, `target` int (rows,). Many values are binned by quantiles. The guess is
    learned on one half of the rows and scored on the other, so that a column of unique values gives nothing away.
    0 where the blind guess makes no error.
    """
    bins = _binned(values)
    half = np.arange(len(target)) % 2 == 0
    counts = np.zeros((int(bins.max()) + 1, int(target.max()) + 1), np.int64)
    np.add.at(counts, (bins[half], target[half]), 1)
    blind = counts.sum(axis=0).argmax()
    guess = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), blind)
    wrong_blind = (target[~half] != blind).sum()
    wrong = (target[~half] != guess[bins[~half]]).sum()
    return max(0.0, float(1 - wrong / wrong_blind)) if wrong_blind else 0.0


def explained(values: np.ndarray, target: np.ndarray) -> float:
    """The correlation ratio squared: the share of the variance of the target's ranks that knowing the column removes.

    `values` as `given_away` takes them, `target` numbers (rows,). By ranks (ties share their mean) no few great numbers
    decide. The bins' means are learned on one half of the rows and scored on the other, so that a column of unique
    values explains nothing. 0 where the target is constant.
    """
    bins = _binned(values)
    half = np.arange(len(target)) % 2 == 0
    ranks = _ranks(target)
    blind = ranks[half].mean()
    counts = np.bincount(bins[half], minlength=int(bins.max()) + 1)
    sums = np.bincount(bins[half], ranks[half], minlength=len(counts))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), blind)
    apart = ((ranks[~half] - blind) ** 2).sum()
    left = ((ranks[~half] - means[bins[~half]]) ** 2).sum()
    return max(0.0, float(1 - left / apart)) if apart else 0.0


def _ranks(target: np.ndarray) -> np.ndarray:
    _, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks


def _binned(values: np.ndarray) -> np.ndarray:
    """Codes from 0: of the values themselves where there are few, else of the quantiles between which they lie."""
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= 2 * BINS:
        return np.asarray(codes)
    edges = np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, values, side="left"))
