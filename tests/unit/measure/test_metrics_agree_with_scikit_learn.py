"""Every metric, under any weights, is scikit-learn's; what is not defined is NaN, what does not fit is refused."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlagent.measure.baseline import constant
from mlagent.measure.metrics import HIGHER_IS_BETTER, NAMES, Task, prepare

Told = Callable[[np.ndarray, np.ndarray, np.ndarray], float]  # target, prediction, weights


def decided(metric: Callable[..., Any], **options: Any) -> Told:
    return lambda y, p, w: float(metric(y, p >= 0.4, sample_weight=w, **options))


def probable(metric: Callable[..., Any], **options: Any) -> Told:
    return lambda y, p, w: float(metric(y, p, sample_weight=w, **options))


def classed(metric: Callable[..., Any], **options: Any) -> Told:
    return lambda y, p, w: float(metric(y, p.argmax(axis=1), sample_weight=w, **options))


def calibration(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    edges = np.unique(np.quantile(p, np.linspace(0, 1, 11)[1:-1]))
    bins = np.searchsorted(edges, p, side="right")
    there = [bins == one for one in range(10) if w[bins == one].sum()]
    gaps = [
        w[one].sum() * abs(np.average(p[one], weights=w[one]) - np.average(y[one], weights=w[one])) for one in there
    ]
    return float(sum(gaps) / w.sum())


def gini(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    def of(score: np.ndarray) -> float:
        rows, sums = [0.0], [0.0]
        for one in np.unique(score):
            rows.append(rows[-1] + w[score == one].sum())
            sums.append(sums[-1] + (w * y)[score == one].sum())
        return 1 - 2 * float(np.trapezoid(sums, rows)) / (rows[-1] * sums[-1])

    return of(p) / of(y)


BINARY: Mapping[str, Told] = {
    "roc_auc": probable(reference.roc_auc_score),
    "pr_auc": probable(reference.average_precision_score),
    "log_loss": probable(reference.log_loss),
    "brier": probable(reference.brier_score_loss),
    "accuracy": decided(reference.accuracy_score),
    "balanced_accuracy": decided(reference.balanced_accuracy_score),
    "precision": decided(reference.precision_score, zero_division=math.nan),
    "recall": decided(reference.recall_score),
    "specificity": decided(reference.recall_score, pos_label=0),
    "f1": decided(reference.f1_score, zero_division=0),
    "mcc": decided(reference.matthews_corrcoef),
    "selection_rate": lambda y, p, w: float(np.average(p >= 0.4, weights=w)),
    "calibration_error": calibration,
    "mean_prediction_ratio": lambda y, p, w: float((w * p).sum() / (w * y).sum()),
}
MULTICLASS: Mapping[str, Told] = {
    "accuracy": classed(reference.accuracy_score),
    "balanced_accuracy": classed(reference.balanced_accuracy_score),
    "log_loss": probable(reference.log_loss),
    "brier": probable(reference.brier_score_loss),
    "macro_f1": classed(reference.f1_score, average="macro"),
    "macro_auc": probable(reference.roc_auc_score, multi_class="ovr"),
    "calibration_error": lambda y, p, w: calibration((p.argmax(axis=1) == y).astype(float), p.max(axis=1), w),
}
REGRESSION: Mapping[str, Told] = {
    "mae": probable(reference.mean_absolute_error),
    "rmse": probable(reference.root_mean_squared_error),
    "r2": probable(reference.r2_score),
    "bias": lambda y, p, w: float(np.average(p - y, weights=w)),
}
COUNT: Mapping[str, Told] = {
    "mae": probable(reference.mean_absolute_error),
    "rmse": probable(reference.root_mean_squared_error),
    "poisson_deviance": probable(reference.mean_poisson_deviance),
    "mean_prediction_ratio": lambda y, p, w: float((w * p).sum() / (w * y).sum()),
    "gini": gini,
}


def agree(task: Task, told: Mapping[str, Told], p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
    found = prepare(task, p, y, 0.4 if task == "binary" else None).compute(weights)
    assert tuple(found) == NAMES[task] == tuple(told)
    for name, metric in told.items():
        expected = [metric(y, p, one) for one in weights]
        assert found[name] == pytest.approx(expected, abs=1e-9, rel=1e-9, nan_ok=True), name


def weightings(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack([np.ones(rows), random.integers(1, 4, rows), random.random(rows) + 0.01])


@settings(deadline=None)
@given(st.integers(4, 200), st.integers(0, 10**6), st.integers(1, 3))
def test_a_binary_models_metrics_ties_and_weights_included(rows: int, seed: int, decimals: int) -> None:
    random = np.random.default_rng(seed)
    probability, target = random.random(rows).round(decimals), random.integers(0, 2, rows)
    assume(0 < target.sum() < rows)
    assume(0 < (probability >= 0.4).sum() < rows)  # else scikit-learn's mcc is 0, ours NaN
    agree("binary", BINARY, probability, target, weightings(rows, seed))


@settings(deadline=None)
@given(st.integers(8, 200), st.integers(0, 10**6), st.integers(3, 5))
def test_a_multiclass_models_metrics(rows: int, seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    target = random.integers(0, classes, rows)
    assume(len(np.unique(target)) == classes)
    agree("multiclass", MULTICLASS, random.dirichlet(np.ones(classes), rows), target, weightings(rows, seed))


@settings(deadline=None)
@given(st.integers(3, 100), st.integers(0, 10**6))
def test_a_regressions_metrics(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    agree("regression", REGRESSION, random.normal(size=rows), random.normal(50, 2, size=rows), weightings(rows, seed))


@settings(deadline=None)
@given(st.integers(3, 100), st.integers(0, 10**6))
def test_a_counts_metrics(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    target = random.poisson(0.5, rows)
    assume(len(np.unique(target)) > 1)
    agree("count", COUNT, random.random(rows).round(1) + 0.1, target, weightings(rows, seed))


def test_a_row_of_weight_two_is_that_row_twice_and_of_weight_none_is_not_there() -> None:
    random = np.random.default_rng(1)
    p, y, counts = random.random(300).round(2), random.integers(0, 2, 300), random.integers(0, 3, 300)
    found = prepare("binary", p, y, 0.4).compute(counts[None].astype(np.uint16))
    rows = np.repeat(np.arange(300), counts)
    twice = prepare("binary", p[rows], y[rows], 0.4).compute(np.ones((1, len(rows))))
    for name in set(NAMES["binary"]) - {"calibration_error"}:  # its bins are those of the full sample
        assert found[name] == pytest.approx(twice[name], abs=1e-12), name


def test_single_precision_is_clipped_as_scikit_learn_clips_it() -> None:
    probability, target = np.array([0, 1, 0.5], np.float32), np.array([1, 0, 1])
    found = prepare("binary", probability, target).compute(np.ones((1, 3)))
    assert found["log_loss"] == pytest.approx(reference.log_loss(target, probability), rel=1e-6)


def test_the_gini_of_yes_and_no_is_twice_the_area_above_chance() -> None:
    random = np.random.default_rng(1)
    said, target = random.random(500).round(1), random.integers(0, 2, 500)
    found = prepare("count", said, target).compute(np.ones((1, 500)))["gini"]
    assert found == pytest.approx(2 * reference.roc_auc_score(target, said) - 1)


def test_what_is_not_defined_is_no_number() -> None:
    none_said = prepare("binary", np.array([0.1, 0.2, 0.3]), np.array([0, 1, 0])).compute(np.ones((1, 3)))
    assert {name for name, value in none_said.items() if math.isnan(value[0])} == {"precision", "mcc"}
    one_class = prepare("binary", np.array([0.1, 0.9]), np.array([1, 1])).compute(np.ones((1, 2)))
    assert {name for name, value in one_class.items() if math.isnan(value[0])} == {
        *("roc_auc", "balanced_accuracy", "specificity", "mcc"),
    }
    same = prepare("regression", np.array([1.0, 2, 3]), np.full(3, 0.1)).compute(np.ones((1, 3)))
    assert math.isnan(same["r2"][0])
    impossible = prepare("count", np.array([0.0, 1]), np.array([1, 1])).compute(np.ones((1, 2)))
    assert math.isnan(impossible["poisson_deviance"][0])


@pytest.mark.parametrize(
    ("task", "prediction"),
    [
        ("binary", [0.1, np.nan]),
        ("multiclass", [[0.5, 0.5], [np.nan, 1]]),
        ("count", [1, np.inf]),
        ("regression", [np.nan, 1]),
    ],
)
def test_a_prediction_that_is_no_number_makes_every_metric_none(task: Task, prediction: Any) -> None:
    found = prepare(task, np.array(prediction, float), np.array([0, 1])).compute(np.ones((3, 2)))
    assert tuple(found) == NAMES[task]
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize(
    ("task", "prediction", "target", "said"),
    [
        ("binary", [0.1, 1.2], [0, 1], "between 0 and 1"),
        ("binary", [0.1, 0.2], [0, 2], "classes 0 to 1"),
        ("binary", [[0.1, 0.9]], [1], "do not fit"),
        ("binary", [0.1], [0, 1], "do not fit"),
        ("binary", [], [], "empty"),
        ("multiclass", [[0.7, 0.7]], [1], "sum to 1"),
        ("count", [1.0], [-1], "below 0"),
        ("regression", [1.0], [np.nan], "not a number"),
        ("ranking", [1.0], [1.0], "no such task"),
    ],
)
def test_what_does_not_fit_is_refused(task: Any, prediction: Any, target: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        prepare(task, np.array(prediction, float), np.array(target, float))


def test_every_metric_has_a_direction_or_none() -> None:
    assert set(HIGHER_IS_BETTER) == {name for names in NAMES.values() for name in names}
    assert [HIGHER_IS_BETTER[name] for name in ("roc_auc", "log_loss", "bias")] == [True, False, None]


def test_the_constant_baseline_says_what_the_train_rows_say_on_average() -> None:
    assert constant("binary", np.array([0, 0, 1, 0]), 2).tolist() == [0.25, 0.25]
    assert constant("count", np.array([0, 3]), 1).tolist() == [1.5]
    assert constant("multiclass", np.array([0, 2, 2, 2]), 2, classes=4).tolist() == [[0.25, 0, 0.75, 0]] * 2
    found = prepare("binary", constant("binary", np.array([0, 1]), 4), np.array([0, 1, 1, 0])).compute(np.ones((1, 4)))
    assert found["roc_auc"] == 0.5
