"""How good predicted numbers and counts are, for many weightings of the rows at once."""

import numpy as np

from mlagent.measure.ranking import Lorenz, divided


class Regression:
    """One model's numbers (n,) and the true ones (n,), in the same unit."""

    def __init__(self, prediction: np.ndarray, target: np.ndarray) -> None:
        true = target.astype(np.float64)
        error, apart = prediction - true, true - true.mean()
        self._columns = np.column_stack([np.ones(len(true)), np.abs(error), error**2, error, apart, apart**2])

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (b,) of weights (b, n); r2 is NaN where the target is constant."""
        sums = (weights.astype(np.float64, copy=False) @ self._columns).T
        rows, absolute, square, error, apart, apart_square = sums
        spread = apart_square - divided(apart**2, rows)
        spread[spread < 1e-12 * apart_square] = 0  # what rounding leaves of a constant
        return {
            "mae": divided(absolute, rows),
            "rmse": np.sqrt(divided(square, rows)),
            "r2": 1 - divided(square, spread),
            "bias": divided(error, rows),
        }


class Count:
    """One model's expected counts (n,) and the counted (n,), none below 0."""

    def __init__(self, prediction: np.ndarray, target: np.ndarray) -> None:
        true, said = target.astype(np.float64), prediction.astype(np.float64)
        error = said - true
        plain = [np.ones(len(true)), np.abs(error), error**2, poisson_deviances(said, true), said, true]
        self._columns = np.column_stack(plain)
        self._found, self._best = Lorenz(said, true), Lorenz(true, true)

    def compute(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every metric (b,) of weights (b, n); gini is that of the predicted order by that of the true one."""
        sums = (weights.astype(np.float64, copy=False) @ self._columns).T
        rows, absolute, square, deviance, said, true = sums
        return {
            "mae": divided(absolute, rows),
            "rmse": np.sqrt(divided(square, rows)),
            "poisson_deviance": divided(deviance, rows),
            "mean_prediction_ratio": divided(said, true),
            "gini": divided(self._found.gini(weights), self._best.gini(weights)),
        }


def poisson_deviances(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Twice (y ln(y / p) - y + p) of each row (n,); NaN where 0 or less was said though more came (no number)."""
    likely = np.where((said > 0) & (true > 0), said, 1)
    counted = np.where(true > 0, true, 1)
    logs = np.where(true > 0, true * np.log(counted / likely), 0)
    impossible = (said < 0) | ((said == 0) & (true > 0))
    return np.where(impossible, np.nan, 2 * (logs - true + said))
