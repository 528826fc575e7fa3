"""How far two computations of one model are apart."""

import math
from pathlib import Path

import numpy as np

from mlagent.measure import parity


def write(folder: Path, expected: np.ndarray) -> Path:
    np.savez(folder / "expected.npz", probabilities=expected)
    return folder / "expected.npz"


def test_parity_names_the_largest_difference_and_the_worst_rows(tmp_path: Path) -> None:
    expected = np.full((8, 2), 0.5, np.float32)
    actual = expected.copy()
    actual[5, 1] += 0.25
    actual[2, 0] -= 0.125
    found = parity.compare(actual, write(tmp_path, expected))
    assert (found.rows, found.largest, found.worst_rows[:2]) == (8, 0.25, (5, 2))


def test_parity_with_a_nan_is_unknown_and_names_its_row(tmp_path: Path) -> None:
    expected = np.full((8, 2), 0.5, np.float32)
    actual = expected.copy()
    actual[3, 0] = math.nan
    found = parity.compare(actual, write(tmp_path, expected))
    assert math.isnan(found.largest)
    assert found.worst_rows[0] == 3
