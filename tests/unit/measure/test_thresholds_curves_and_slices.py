"""A threshold is the best there is, curves are scikit-learn's in few points, the worst slice is found."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from mlagent.measure import curves
from mlagent.measure.slices import worst
from mlagent.measure.threshold import Objective, choose


def score(objective: Objective, said: np.ndarray, target: np.ndarray) -> float:
    if objective == "f1":
        return float(reference.f1_score(target, said))
    if objective == "youden":
        return float(reference.balanced_accuracy_score(target, said)) * 2 - 1
    return (
        float(reference.accuracy_score(target, said)) if objective == "accuracy" else -abs(said.mean() - objective[1])
    )


@settings(deadline=None)
@given(
    st.sampled_from(["f1", "youden", "accuracy", ("selection_rate", 0.3)]), st.integers(4, 60), st.integers(0, 10**6)
)
def test_no_threshold_is_better_and_none_as_good_is_higher(objective: Objective, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probability, target = random.random(rows).round(1).astype(np.float32), random.integers(0, 2, rows)
    assume(0 < target.sum() < rows)
    found = choose(probability, target, objective)
    tried = {float(one): score(objective, probability >= one, target) for one in np.unique(probability)}
    best = max(tried.values())
    assert found.threshold == max(one for one, its in tried.items() if its > best - 1e-9)
    said = probability >= found.threshold
    assert found.score == pytest.approx(said.mean() if isinstance(objective, tuple) else score(objective, said, target))


def test_a_threshold_needs_numbers_and_what_the_objective_is_about() -> None:
    for target, objective in (([0, 0], "f1"), ([0, 0], "youden"), ([1, 1], "youden")):
        with pytest.raises(ValueError, match="only one class"):
            choose(np.array([0.1, 0.2]), np.array(target), objective)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="all of them numbers"):
        choose(np.array([0.1, np.nan]), np.array([0, 1]), "f1")
    assert choose(np.array([0.1, 0.2]), np.array([0, 0]), "accuracy").threshold == 0.2


def sample(rows: int, decimals: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    probability = random.random(rows).round(decimals)
    return probability, (random.random(rows) < probability).astype(int)


def test_few_distinct_probabilities_give_scikit_learns_points() -> None:
    probability, target = sample(500, 1)
    found = curves.roc(probability, target)
    x, y, _ = reference.roc_curve(target, probability, drop_intermediate=False)
    assert found.x == pytest.approx(x)
    assert found.y == pytest.approx(y)
    found = curves.precision_recall(probability, target)
    precision, recall, _ = reference.precision_recall_curve(target, probability)
    assert found.x == pytest.approx(recall[::-1])
    assert found.y == pytest.approx(precision[::-1])


def test_many_rows_are_thinned_to_points_that_show_the_same_curve() -> None:
    probability, target = sample(50_000, 9)
    found = curves.roc(probability, target)
    assert len(found.x) <= 200
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(found.y, found.x) == pytest.approx(reference.roc_auc_score(target, probability), abs=1e-3)
    assert len(curves.precision_recall(probability, target).x) <= 200
    assert curves.precision_recall(probability, target).x[-1] == 1


def test_reliability_is_scikit_learns_calibration_curve() -> None:
    probability, target = sample(5000, 9)
    found = curves.reliability(probability, target)
    observed, predicted = calibration_curve(target, probability, n_bins=10, strategy="quantile")
    assert found.observed == pytest.approx(observed)
    assert found.predicted == pytest.approx(predicted)
    assert sum(found.rows) == 5000
    same = curves.reliability(np.full(10, 0.3), np.arange(10) % 2)
    assert same.predicted == pytest.approx((0.3,))
    assert (same.observed, same.rows) == ((0.5,), (10,))


def test_one_class_alone_has_no_curve() -> None:
    for target, label in ((np.ones(5), "0"), (np.zeros(5), "1")):
        with pytest.raises(ValueError, match=f"no row is labelled {label}"):
            curves.roc(np.arange(5) / 5, target)


def test_the_worst_slice_is_found_and_small_ones_are_counted() -> None:
    probability, target = sample(4000, 9)
    state = np.repeat(["NSW", "VIC", "QLD", "ACT"], [2000, 1500, 450, 50])
    target[state == "QLD"] = 1 - target[state == "QLD"]
    kind = np.arange(4000) % 2
    found = worst("binary", probability, target, {"state": state, "kind": kind}, resamples=50)
    assert [(one.column, one.value, one.rows) for one in found.slices] == [
        *(("state", "NSW", 2000), ("state", "QLD", 450), ("state", "VIC", 1500)),
        *(("kind", "0", 2000), ("kind", "1", 2000)),
    ]
    assert found.small == 1
    assert {metric: one.value for metric, one in found.worst.items()} == {"roc_auc": "QLD", "log_loss": "QLD"}
    interval = found.worst["log_loss"].metrics["log_loss"]
    rows = state == "QLD"
    assert interval.value == pytest.approx(reference.log_loss(target[rows], probability[rows]))
    assert interval.low < interval.value < interval.high


def test_a_slice_of_one_class_has_no_auc_and_is_not_the_worst_by_it() -> None:
    probability, target = sample(400, 9)
    target[:200] = 0
    found = worst("binary", probability, target, {"half": np.repeat([0, 1], 200)}, resamples=20)
    assert math.isnan(found.slices[0].metrics["roc_auc"].value)
    assert found.worst["roc_auc"].value == "1"


def test_what_has_no_better_end_has_no_worst_slice() -> None:
    random = np.random.default_rng(1)
    said, true = random.normal(size=400), random.normal(size=400)
    assert set(worst("regression", said, true, {"k": np.arange(400) % 2}, resamples=20).worst) == {"mae"}
    assert worst("regression", said, true, {"k": np.arange(400)}, resamples=20).slices == ()
