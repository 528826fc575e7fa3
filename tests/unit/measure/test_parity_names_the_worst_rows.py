"""How far two computations of one model are apart."""

import math
from pathlib import Path

import numpy as np

from mlagent.measure import parity


def write(folder: Path, expected: np.ndarray, name: str = "probabilities") -> Path:
    np.savez(folder / "expected.npz", allow_pickle=False, **{name: expected})
    return folder / "expected.npz"


def test_parity_names_the_largest_difference_and_the_worst_rows(tmp_path: Path) -> None:
    expected = np.full((8, 2), 0.5, np.float32)
    actual = expected.copy()
    actual[5, 1] += 0.25
    actual[2, 0] -= 0.125
    found = parity.compare(actual, write(tmp_path, expected))
    assert (found.rows, found.largest, found.worst_rows[:2]) == (8, 0.25, (5, 2))


def test_numbers_are_compared_by_their_size(tmp_path: Path) -> None:
    expected = np.array([[0.0], [-1e6], [1e3]], np.float32)
    actual = expected + np.array([[0.125], [500], [0.5]], np.float32)
    found = parity.compare(actual, write(tmp_path, expected, "prediction"))
    assert (found.largest, found.worst_rows) == (0.125, (0, 1, 2))


def test_parity_with_a_nan_is_unknown_and_names_its_row(tmp_path: Path) -> None:
    expected = np.full((8, 2), 0.5, np.float32)
    actual = expected.copy()
    actual[3, 0] = math.nan
    found = parity.compare(actual, write(tmp_path, expected))
    assert math.isnan(found.largest)
    assert found.worst_rows[0] == 3
