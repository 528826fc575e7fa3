"""Our own numpy says what the field's libraries say."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference

from mlagent.measure import parity
from mlagent.measure.classification import measure, wilson


def sample(rows: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, classes))
    target = random.integers(0, classes, rows)
    logits[np.arange(rows), target] += 1
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), target


@pytest.mark.parametrize(("rows", "classes", "seed"), [(500, 10, 1), (37, 2, 2), (1000, 3, 3)])
def test_a_classifiers_metrics(rows: int, classes: int, seed: int) -> None:
    probabilities, target = sample(rows, classes, seed)
    found = measure(probabilities, target)
    said = probabilities.argmax(axis=1)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert found.rows == rows
    assert found.accuracy == reference.accuracy_score(target, said)
    assert found.macro_f1 == pytest.approx(reference.f1_score(target, said, average="macro"), abs=1e-12)
    assert found.log_loss == pytest.approx(reference.log_loss(target, exact, labels=range(classes)), abs=1e-6)
    assert found.baseline_accuracy == np.bincount(target).max() / rows


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (7, 10), (343, 347), (1, 1), (5000, 10000)])
def test_the_interval_of_a_proportion(successes: int, trials: int) -> None:
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_nan_among_the_probabilities_makes_the_accuracy_unknown() -> None:
    probabilities, target = sample(50, 3, 1)
    probabilities[7] = math.nan
    assert math.isnan(measure(probabilities, target).accuracy)


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
