"""How far two computations of the same model are apart."""

from pathlib import Path

import msgspec
import numpy as np

WORST = 5


class Parity(msgspec.Struct, frozen=True):
    """`largest` difference over `rows` rows (NaN where one side holds NaN), and the rows furthest off.

    Between probabilities it is absolute; between other numbers a part of 1 and their size, since these have any unit.
    """

    rows: int
    largest: float
    worst_rows: tuple[int, ...]


def not_finite(answers: np.ndarray) -> float:
    """The share of the rows (rows, columns) that hold NaN or an infinity."""
    return float((~np.isfinite(answers).all(axis=1)).mean())


def compare(actual: np.ndarray, expected: Path) -> Parity:
    """Compare answers (rows, columns) with the `probabilities` or the `prediction` that `expected` (npz) holds."""
    with np.load(expected) as file:
        numbers = "prediction" in file
        wanted = file["prediction" if numbers else "probabilities"].astype(np.float64)
    scale = 1 + np.abs(wanted) if numbers else np.ones_like(wanted)
    apart = (np.abs(actual.astype(np.float64) - wanted) / scale).max(axis=1)
    order = np.argsort(-np.nan_to_num(apart, nan=np.inf))[:WORST]
    return Parity(len(apart), float(apart.max()), tuple(int(row) for row in order))
