"""On which slices of the rows a model is worst."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from mlagent.measure.bootstrap import Interval, intervals
from mlagent.measure.metrics import HIGHER_IS_BETTER, Task

SHOWN: Mapping[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("mae", "bias"),
    "count": ("poisson_deviance", "mean_prediction_ratio"),
}


class Slice(msgspec.Struct, frozen=True):
    """The rows on which a column has one value."""

    column: str
    value: str
    rows: int
    metrics: Mapping[str, Interval]


class Slices(msgspec.Struct, frozen=True):
    """Every slice of enough rows; the worst by each metric that has a better end; how many had too few rows."""

    slices: tuple[Slice, ...]
    worst: Mapping[str, Slice]
    small: int


def worst(
    task: Task,
    prediction: np.ndarray,
    target: np.ndarray,
    columns: Mapping[str, np.ndarray],
    *,
    slice_min: int = 100,
    resamples: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> Slices:
    """Measure each value of each categorical column (n,), codes or strings, that has at least `slice_min` rows.

    The intervals are bootstrapped within the slice. The worst of many slices looks worse than it is.
    """
    found, small = [], 0
    for column, value, rows in _each(columns):
        if len(rows) < slice_min:
            small += 1
            continue
        one = intervals(task, {"": prediction[rows]}, target[rows], resamples=resamples, seed=seed, level=level)
        found.append(Slice(column, value, len(rows), {name: one.metrics[""][name] for name in SHOWN[task]}))
    return Slices(tuple(found), _worst(found, SHOWN[task]), small)


def _each(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str, np.ndarray]]:
    for column, values in columns.items():
        names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        parts = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        for name, rows in zip(names, parts, strict=True):
            yield column, str(name), rows


def _worst(found: list[Slice], metrics: tuple[str, ...]) -> dict[str, Slice]:
    worst_of = {}
    for metric in metrics:
        known = [one for one in found if not np.isnan(one.metrics[metric].value)]
        higher = HIGHER_IS_BETTER[metric]
        if known and higher is not None:
            sign = 1 if higher else -1
            worst_of[metric] = min(known, key=lambda one: sign * one.metrics[metric].value)
    return worst_of
