"""All that was measured of the models that could ship, and of those they are compared with, on the same unseen rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from mlagent.measure import curves
from mlagent.measure.bootstrap import Evaluated, Interval, intervals
from mlagent.measure.fairness import Fairness, fairness
from mlagent.measure.metrics import NAMES, Task
from mlagent.measure.slices import Slices, worst

CONSTANT, PRODUCTION = "constant", "production"


class Curves(msgspec.Struct, frozen=True):
    """Those of a binary model."""

    roc: curves.Curve
    precision_recall: curves.Curve
    reliability: curves.Reliability


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One model that could ship: its metrics, and each less another model's, by the other's name.

    `groups` by sensitive attribute; `curves` of a binary model.
    """

    metrics: Mapping[str, Interval]
    less: Mapping[str, Mapping[str, Interval]]
    groups: Mapping[str, Fairness]
    slices: Slices
    curves: Curves | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """On `rows` rows of the test part, of which `labels` have each class; `threshold` is NaN where there is none.

    `models` are those that could ship, `others` the metrics of those they are compared with, `unknown` why one of these
    could not be. `absent` are groups that the schema names and no row is of, by attribute.
    """

    task: Task
    rows: int
    labels: tuple[int, ...]
    level: float
    resamples: int
    threshold: float
    threshold_by: str
    models: Mapping[str, Measured]
    others: Mapping[str, Mapping[str, Interval]]
    unknown: Mapping[str, str] = {}
    absent: Mapping[str, tuple[str, ...]] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How sure intervals are and what they are drawn from, and how many rows a group and a slice need."""

    resamples: int
    seed: int
    level: float
    group_min: int
    label_min: int
    slice_min: int


def evaluate(
    task: Task,
    models: Mapping[str, np.ndarray],
    others: Mapping[str, np.ndarray],
    target: np.ndarray,
    settings: Settings,
    *,
    threshold: float | None,
    threshold_by: str,
    groups: Mapping[str, np.ndarray],
    slices: Mapping[str, np.ndarray],
    unknown: Mapping[str, str],
    absent: Mapping[str, tuple[str, ...]],
) -> Evaluation:
    """Measure predictions as `metrics.prepare` takes them; `groups` and `slices` are the rows' values by column."""
    drawn = {"resamples": settings.resamples, "seed": settings.seed, "level": settings.level}
    everyone = {**models, **others}
    known: Mapping[str, float] = {} if threshold is None else dict.fromkeys(everyone, threshold)
    found = intervals(task, everyone, target, thresholds=known, **drawn)  # type: ignore[arg-type]
    least = {"group_min": settings.group_min, "label_min": settings.label_min}
    measured = {}
    for name, prediction in models.items():
        by_attribute = {
            attribute: fairness(task, prediction, target, values, threshold=threshold, **least, **drawn)  # type: ignore[arg-type]
            for attribute, values in groups.items()
        }
        measured[name] = Measured(
            metrics=found.metrics[name],
            less={other: _less(found, task, name, other) for other in others},
            groups=by_attribute,
            slices=worst(task, prediction, target, slices, slice_min=settings.slice_min, seed=settings.seed),
            curves=_curves(task, prediction, target),
        )
    return Evaluation(
        task=task,
        rows=len(target),
        labels=tuple(np.bincount(target.astype(np.int64)).tolist()) if task in ("binary", "multiclass") else (),
        level=settings.level,
        resamples=settings.resamples,
        threshold=np.nan if threshold is None else threshold,
        threshold_by=threshold_by,
        models=measured,
        others={name: found.metrics[name] for name in others},
        unknown=unknown,
        absent=absent,
    )


def _less(found: Evaluated, task: Task, name: str, other: str) -> dict[str, Interval]:
    return {metric: found.paired(name, other, metric) for metric in NAMES[task]}


def _curves(task: Task, prediction: np.ndarray, target: np.ndarray) -> Curves | None:
    if task != "binary" or not np.isfinite(prediction).all() or len(np.unique(target)) < 2:
        return None
    return Curves(
        curves.roc(prediction, target),
        curves.precision_recall(prediction, target),
        curves.reliability(prediction, target),
    )


def encode(evaluation: Evaluation) -> bytes:
    """As JSON; what is not a number is null."""
    return msgspec.json.format(msgspec.json.encode(evaluation))


def decode(data: bytes) -> Evaluation:
    """Read it back."""
    return msgspec.convert(_numbers(msgspec.json.decode(data), keep=("curves",)), Evaluation)


def _numbers(value: Any, keep: Collection[str]) -> Any:  # noqa: ANN401 - JSON of any shape
    """Null is a number that could not be had."""
    if value is None:
        return np.nan
    if isinstance(value, Mapping):
        return {key: one if key in keep and one is None else _numbers(one, keep) for key, one in value.items()}
    return (
        [_numbers(one, keep) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
    )
