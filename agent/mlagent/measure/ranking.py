"""What only the order of the scores decides; rows are sorted once, then any weights of them are measured."""

import numpy as np


class Ranked:
    """A score (n,) that should be higher where `positive` bool (n,) holds.

    Weights are summed cumulatively over the positive rows and over the negative rows, highest score first; what
    is asked of both is asked only at the distinct scores that a positive row has.
    """

    def __init__(self, score: np.ndarray, positive: np.ndarray) -> None:
        order = np.argsort(-score, kind="stable")
        self._positives, self._negatives = order[positive[order]], order[~positive[order]]
        falling, others = -score[self._positives], -score[self._negatives]
        self._ends = _ends(falling)
        at = falling[self._ends - 1] if len(falling) else falling
        self._above = np.searchsorted(others, at, side="left")
        self._upto = np.searchsorted(others, at, side="right")

    def compute(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ROC AUC (ties count half) and average precision, (b,) each, of weights (b, n); NaN where a class lacks."""
        positive, negative = cumulated(weights, self._positives), cumulated(weights, self._negatives)
        hits, upto = positive[:, self._ends], negative[:, self._upto]
        here = np.diff(hits, axis=1, prepend=0)
        total, against = positive[:, -1], negative[:, -1]
        below = against[:, None] - (negative[:, self._above] + upto) / 2
        precision = np.divide(hits, hits + upto, out=np.zeros_like(hits), where=hits > 0)
        auc = divided(np.einsum("bg,bg->b", here, below), total * against)
        return auc, divided(np.einsum("bg,bg->b", here, precision), total)


class Lorenz:
    """Numbers (n,), none below 0, cumulated in the order of a score (n,); rows of one score share equally."""

    def __init__(self, score: np.ndarray, amount: np.ndarray) -> None:
        self._order = np.argsort(score, kind="stable")
        self._ends = _ends(score[self._order])
        self._amount = amount

    def gini(self, weights: np.ndarray) -> np.ndarray:
        """One minus twice the area below the Lorenz curve, (b,), of weights (b, n); NaN where all amounts are 0."""
        rows = cumulated(weights, self._order)[:, self._ends]
        sums = cumulated(weights * self._amount, self._order)[:, self._ends]
        steps = np.diff(rows, axis=1, prepend=0)
        twice = np.einsum("bg,bg->b", steps, 2 * sums - np.diff(sums, axis=1, prepend=0))
        found: np.ndarray = 1 - divided(twice, rows[:, -1] * sums[:, -1])
        return found


def cumulated(weights: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, 2 … of some rows' weights, (b, rows + 1)."""
    sums = np.zeros((len(weights), len(order) + 1))
    np.cumsum(weights.take(order, axis=1), axis=1, dtype=np.float64, out=sums[:, 1:])
    return sums


def divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A quotient, NaN where the whole is not above 0."""
    whole = np.broadcast_to(whole, part.shape)
    found: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found


def _ends(ordered: np.ndarray) -> np.ndarray:
    """How many rows there are up to the end of each run of equal values."""
    return np.append(np.flatnonzero(np.diff(ordered)) + 1, len(ordered)) if len(ordered) else np.zeros(0, np.intp)
