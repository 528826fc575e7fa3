"""What a thousand paired resamples of every binary metric cost: 68,000 rows, two models, against its peers."""

import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import fairlearn.metrics as fair
import numpy as np
from sklearn import metrics as reference

from mlagent.measure.bootstrap import intervals
from mlagent.measure.fairness import fairness
from tests.bench.compare import alternate

ROWS, RESAMPLES, FEW, ALTERNATIONS = 68_000, 1000, 2, 10
GOAL_FAIRLEARN, GOAL_LOOP = 50, 10
THRESHOLD = 0.2
Metric = Callable[..., Any]
Predictions = Mapping[str, np.ndarray]


def run() -> str:
    """CPU time a resample, in turn; the peers take few resamples each time, for each takes long."""
    models, target, group = _rows()
    ours = partial(_cpu_ms, lambda: intervals("binary", models, target, thresholds=dict.fromkeys(models, THRESHOLD)))
    gaps = partial(_cpu_ms, lambda: fairness("binary", models["a"], target, group, threshold=THRESHOLD))
    frames = {name: partial(_frame, of, target, group) for name, of in (("two", models), ("one", {"a": models["a"]}))}
    loop = partial(_loop, models, target)
    of = f"{ROWS} rows, a resample"
    first = _in_turn(partial(_cpu_ms, partial(frames["two"], _metrics(), alike=True)), ours, FEW + 1)
    second = _in_turn(partial(_cpu_ms, loop), ours, FEW)
    third = _in_turn(partial(_cpu_ms, partial(frames["one"], _rates(), alike=False)), gaps, FEW + 1)
    return "\n".join(
        [
            f"{of} of 14 metrics of 2 models, fairlearn by group too / ours: {first}; goal: {GOAL_FAIRLEARN}",
            f"{of} of 14 metrics of 2 models, scikit-learn loop / mlagent: {second}; goal: {GOAL_LOOP}",
            f"{of} of 4 rates in 5 groups, fairlearn / mlagent: {third}; goal: {GOAL_FAIRLEARN}",
        ]
    )


def _in_turn(peer: Callable[[], float], ours: Callable[[], float], evaluations: int) -> str:
    """By evaluation: fairlearn's frame measures the rows as they are once more than it is asked for resamples."""
    return str(alternate(lambda: peer() / evaluations, lambda: ours() / RESAMPLES, ALTERNATIONS))


def _rows() -> tuple[Predictions, np.ndarray, np.ndarray]:
    """Two models' probabilities of a class that one row in ten is of, and a group of five."""
    random = np.random.default_rng(1)
    signal = random.normal(size=ROWS)
    good, worse = (1 / (1 + np.exp(2.5 - one)) for one in (signal, signal + random.normal(size=ROWS) / 2))
    return {"a": good, "b": worse}, (random.random(ROWS) < good).astype(int), random.integers(0, 5, ROWS)


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def _decided(metric: Metric, target: np.ndarray, probability: np.ndarray, **options: Any) -> float:
    return float(metric(target, np.asarray(probability) >= THRESHOLD, **options))


def _calibration(target: np.ndarray, probability: np.ndarray) -> float:
    said, true = np.asarray(probability), np.asarray(target)
    bins = np.searchsorted(np.quantile(said, np.linspace(0, 1, 11)[1:-1]), said, side="right")
    return float(np.abs(np.bincount(bins, said - true)).sum() / len(said))


def _metrics() -> dict[str, Metric]:
    decided = {
        "accuracy": reference.accuracy_score,
        "balanced_accuracy": reference.balanced_accuracy_score,
        "precision": partial(reference.precision_score, zero_division=0),
        "recall": reference.recall_score,
        "specificity": partial(reference.recall_score, pos_label=0),
        "f1": reference.f1_score,
        "mcc": reference.matthews_corrcoef,
        "selection_rate": fair.selection_rate,
    }
    return {
        "roc_auc": reference.roc_auc_score,
        "pr_auc": reference.average_precision_score,
        "log_loss": reference.log_loss,
        "brier": reference.brier_score_loss,
        **{name: partial(_decided, metric) for name, metric in decided.items()},
        "calibration_error": _calibration,
        "mean_prediction_ratio": lambda target, said: float(np.mean(said) / np.mean(target)),
    }


def _rates() -> dict[str, Metric]:
    rates = (fair.selection_rate, fair.true_positive_rate, fair.false_positive_rate, reference.accuracy_score)
    return {rate.__name__: partial(_decided, rate) for rate in rates}


def _frame(
    models: Predictions, target: np.ndarray, group: np.ndarray, metrics: dict[str, Metric], *, alike: bool
) -> None:
    """Fairlearn's bootstrap of FEW resamples; of rows that are all of one group it measures them all and by group."""
    by = np.zeros(ROWS) if alike else group
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for said in models.values():
            given = {"y_true": target, "y_pred": said, "sensitive_features": by}
            fair.MetricFrame(metrics=metrics, n_boot=FEW, ci_quantiles=[0.025, 0.975], random_state=1, **given)


def _loop(models: Predictions, target: np.ndarray) -> None:
    random = np.random.default_rng(1)
    for _ in range(FEW):
        rows = random.integers(0, ROWS, ROWS)
        for said in models.values():
            for metric in _metrics().values():
                metric(target[rows], said[rows])
