"""How far two computations of the same model are apart."""

from pathlib import Path

import msgspec
import numpy as np

WORST = 5


class Parity(msgspec.Struct, frozen=True):
    """`largest` absolute difference over `rows` rows (NaN where one side holds NaN), and the rows furthest off."""

    rows: int
    largest: float
    worst_rows: tuple[int, ...]


def compare(actual: np.ndarray, expected: Path) -> Parity:
    """Compare answers (rows, classes) with the `probabilities` of `expected` (npz)."""
    with np.load(expected) as file:
        wanted = file["probabilities"]
    apart = np.abs(actual.astype(np.float64) - wanted.astype(np.float64)).max(axis=1)
    order = np.argsort(-np.nan_to_num(apart, nan=np.inf))[:WORST]
    return Parity(len(apart), float(apart.max()), tuple(int(row) for row in order))
