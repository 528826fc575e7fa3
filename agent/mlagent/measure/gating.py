"""From what was measured to checks: each limit against its figure, or against the end of its interval."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from mlagent.core.verdict import Check, Comparison, check
from mlagent.measure.bootstrap import Interval
from mlagent.measure.evaluation import CONSTANT, PRODUCTION, Evaluation, Measured
from mlagent.measure.fairness import GAPS, Fairness
from mlagent.measure.metrics import HIGHER_IS_BETTER, NAMES, Task
from mlagent.measure.slices import SHOWN

Bound = Literal["value", "interval"]
COMPARED_BY: Mapping[Task, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "r2",
    "count": "poisson_deviance",
}
FIGURES = {gap: figure for figure, gap in GAPS.items()} | {"equalized_odds": "tpr and fpr"}

COUNTS = ("rows_min", "labels_min", "selected_min")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: `metrics`, `gaps` and `slices` by key, such as `roc_auc_min`; margins None: not asked for."""

    metrics: Mapping[str, float]
    gaps: Mapping[str, float]
    own_gaps: tuple["OwnGap", ...] = ()
    slices: Mapping[str, float]
    bound: Bound
    rows_min: int
    labels_min: int
    selected_min: int
    compare_by: str
    baseline_margin: float | None
    production_margin: float | None


class OwnGap(msgspec.Struct, frozen=True, array_like=True):
    """A limit on the gap of one attribute."""

    gap: str
    attribute: str
    comparison: Comparison
    limit: float


def own_gap(text: str) -> OwnGap:
    """Read `demographic_parity_difference of Gender <= 0.05`."""
    gap, _, rest = text.strip().partition(" of ")
    attribute, comparison, limit = re.split("(<=|>=)", rest)
    return msgspec.convert((gap, attribute.strip(), comparison, float(limit)), OwnGap)


def unfit(task: Task, metrics: Mapping[str, float], slices: Mapping[str, float]) -> list[str]:
    """Keys whose metric this task does not have."""
    wrong = [key for key in metrics if split(key)[0] not in NAMES[task]]
    return wrong + [f"slice_{key}" for key in slices if split(key)[0] not in SHOWN[task]]


def sorted_out(asked: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Limits on metrics, on gaps and on slices, among all keys of the gate."""
    limits = {key: one for key, one in asked.items() if key[-4:] in ("_min", "_max") and key not in COUNTS}
    gaps = {key: one for key, one in limits.items() if key[:-4].rpartition("_")[0] in FIGURES}
    slices = {key.removeprefix("slice_"): one for key, one in limits.items() if key.startswith("slice_")}
    metrics = {key: one for key, one in limits.items() if key not in gaps and not key.startswith("slice_")}
    return metrics, gaps, slices


def split(key: str) -> tuple[str, Comparison]:
    """The name before `_min` or `_max`, and which way it is compared."""
    return key[:-4], ">=" if key.endswith("_min") else "<="


def checks(found: Evaluation, limits: Limits) -> list[Check]:
    """Every check of every model that could ship; those of variants have its name before theirs."""
    judged: list[Check] = []
    for name, one in found.models.items():
        each = [*_metrics(found, one, limits), *_compared(found, one, limits)]
        each += [*_fair(found, one, limits), *_slices(one, limits)]
        prefix = "" if name == next(iter(found.models)) else f"{name}: "
        judged += [
            msgspec.structs.replace(this, metric=prefix + this.metric, reason=prefix + this.reason) for this in each
        ]
    return judged


def _metrics(found: Evaluation, one: Measured, limits: Limits) -> Iterator[Check]:
    for key, limit in limits.metrics.items():
        name, comparison = split(key)
        yield _bounded(name, one.metrics[name], comparison, limit, found, limits)


def _bounded(
    name: str, figure: Interval, comparison: Comparison, limit: float, found: Evaluation, limits: Limits
) -> Check:
    """A figure of all rows; a rare label makes it inconclusive."""
    few = min(found.labels, default=limits.labels_min)
    why = f"only {few} rows of one class, {limits.labels_min} are asked for" if few < limits.labels_min else ""
    value, end = _end(figure, comparison, limits.bound)
    return check(
        f"{name}{end}",
        math.nan if why else value,
        comparison,
        limit,
        samples=found.rows,
        samples_min=limits.rows_min,
        interval=_known(figure),
        why=why,
    )


def _end(figure: Interval, comparison: Comparison, bound: Bound) -> tuple[float, str]:
    """The value, or the end of its interval that is worse."""
    if bound == "value":
        return figure.value, ""
    return (figure.low, " (low end)") if comparison == ">=" else (figure.high, " (high end)")


def _known(figure: Interval) -> tuple[float, float] | None:
    return (figure.low, figure.high) if math.isfinite(figure.low + figure.high) else None


def gained(metric: str, apart: Interval) -> Interval:
    """How much better, given how much more: a loss that is lower is a gain."""
    if HIGHER_IS_BETTER[metric]:
        return apart
    return Interval(-apart.value, -apart.high, -apart.low, apart.undefined)


def _compared(found: Evaluation, one: Measured, limits: Limits) -> Iterator[Check]:
    """Surely better than a constant answer; surely not worse than production by more than the margin (paired)."""
    metric = limits.compare_by
    asked = {CONSTANT: limits.baseline_margin, PRODUCTION: limits.production_margin}
    named = {CONSTANT: "a constant answer", PRODUCTION: "production"}
    for other, margin in asked.items():
        if margin is None or (other not in one.less and other not in found.unknown):
            continue
        least = margin if other == CONSTANT else -margin
        gain = gained(metric, one.less[other][metric]) if other in one.less else Interval(math.nan, math.nan, math.nan)
        yield check(
            f"gain in {metric} over {named[other]} (low end)",
            gain.low,
            ">=",
            least,
            samples=found.rows,
            samples_min=limits.rows_min,
            interval=_known(gain),
            why=found.unknown.get(other, ""),
        )


def _fair(found: Evaluation, one: Measured, limits: Limits) -> Iterator[Check]:
    for attribute, fair in one.groups.items():
        missing = found.absent.get(attribute, ())
        shown = f" ({', '.join(missing)})" if missing else ""
        groups = len(fair.groups) + len(missing)
        yield check(f"groups of {attribute} without a test row{shown}", float(len(missing)), "<=", 0.0, samples=groups)
        for (name, comparison), limit in _of_attribute(limits, attribute).items():
            if name not in fair.gaps:
                yield check(f"{name} of {attribute}", None, comparison, limit, samples=found.rows, why="no such gap")
                continue
            why = _undecided(fair, name, limits.selected_min)
            value, end = _end(fair.gaps[name], comparison, limits.bound)
            yield check(
                f"{name} of {attribute}{end}",
                math.nan if why else value,
                comparison,
                limit,
                samples=sum(group.rows for group in fair.groups),
                samples_min=limits.rows_min,
                interval=_known(fair.gaps[name]),
                why=why,
            )


def _of_attribute(limits: Limits, attribute: str) -> dict[tuple[str, Comparison], float]:
    """The limits for all attributes, and in their place or besides them those for this one."""
    own = {(one.gap, one.comparison): one.limit for one in limits.own_gaps if one.attribute == attribute}
    return {split(key): limit for key, limit in limits.gaps.items()} | own


def _undecided(fair: Fairness, gap: str, selected_min: int) -> str:
    """Why a gap says nothing: a group is too small for its figure, or too few are said to be 1 to tell groups apart."""
    figure = FIGURES[gap.removesuffix("_difference").removesuffix("_ratio")]
    few = next((one for one in fair.undecided if one.figure in figure), None)
    if few:
        return f"{few.group}: {few.reason}"
    rows, selected = sum(one.rows for one in fair.groups), sum(one.figures.get("selected", 0) for one in fair.groups)
    smallest = min(fair.groups, key=lambda one: one.rows)
    expected = smallest.rows * selected / rows
    if "selected" in smallest.figures and expected < selected_min:
        told = f"{expected:.3g} rows of {smallest.name} would be said 1 if all were treated alike"
        return f"{told}, {selected_min} are asked for"
    return ""


def _slices(one: Measured, limits: Limits) -> Iterator[Check]:
    """The worst slice is no better than its limit only where its whole interval is on the wrong side."""
    for key, limit in limits.slices.items():
        name, comparison = split(key)
        worst = one.slices.worst.get(name)
        figure = worst.metrics[name] if worst else Interval(math.nan, math.nan, math.nan)
        where = f"{worst.column}={worst.value}" if worst else "none has enough rows"
        better = figure.high if comparison == ">=" else figure.low
        yield check(
            f"{name} of the worst slice, {where} (at best)",
            better,
            comparison,
            limit,
            samples=worst.rows if worst else 0,
            interval=_known(figure),
        )
