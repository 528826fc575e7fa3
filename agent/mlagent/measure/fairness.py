"""How differently a model treats the groups of a sensitive attribute, with how sure that is.

A gap is the largest figure less the smallest (or the smallest by the largest) among the groups that can be judged. The
largest of noisy figures is too large: where groups are alike, a gap and the interval of its resamples lie above the
truth. So "surely below the limit" is a safe answer, and "surely above" needs groups large enough.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from mlagent.measure.bootstrap import Interval, interval, joined, of_all
from mlagent.measure.group_figures import Table, prepare
from mlagent.measure.metrics import Task
from mlagent.measure.resample import blocks

GAPS: Mapping[str, str] = {  # a figure's gap, by its name in the field
    "selection_rate": "demographic_parity",
    "tpr": "equal_opportunity",
    "fpr": "fpr",
    "accuracy": "accuracy",
    "bias": "bias",
    "mae": "mae",
}


class Group(msgspec.Struct, frozen=True):
    """One group: its rows and figures; of a binary model also how many are labelled 1 and how many said to be.

    `intervals` are those of the figures that are compared between groups.
    """

    name: str
    rows: int
    figures: Mapping[str, float]
    intervals: Mapping[str, Interval] = {}


class Undecided(msgspec.Struct, frozen=True):
    """A group that one figure's gaps leave out, and why: whoever judges must not take its absence for a pass."""

    group: str
    figure: str
    reason: str


class Fairness(msgspec.Struct, frozen=True):
    """All groups, the gaps among those that can be judged, and what could not be."""

    groups: tuple[Group, ...]
    gaps: Mapping[str, Interval]
    undecided: tuple[Undecided, ...]


def fairness(
    task: Task,
    prediction: np.ndarray,
    target: np.ndarray,
    attribute: np.ndarray,
    *,
    threshold: float | None = None,
    group_min: int = 100,
    label_min: int = 10,
    resamples: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> Fairness:
    """Compare the groups that `attribute` (n,) names, by codes or strings; the rest is as `metrics.prepare` takes it.

    A group is judged on a figure from `group_min` rows on, of which `label_min` are rows the figure is about: those
    labelled 1 for tpr, those labelled 0 for fpr.
    """
    if attribute.shape != target.shape:
        raise ValueError(f"the sensitive attribute has shape {attribute.shape}, the target {target.shape}")
    names, codes = np.unique(attribute, return_inverse=True)
    table = prepare(task, prediction, target, codes, threshold)
    plain = table.compute(np.ones((1, len(target))))
    reasons = {figure: _reasons(plain["rows"], plain[of], of, group_min, label_min) for figure, of in table.about}
    judged = {figure: np.array([not reason for reason in found]) for figure, found in reasons.items()}
    compared = [figure for figure, _ in table.about]
    drawn, parts = [], []
    for weights in blocks(len(target), resamples, seed):
        found = table.compute(weights)
        drawn.append({figure: found[figure].T for figure in compared})
        parts.append(_gaps(table, found, judged))
    gaps = of_all(_gaps(table, plain, judged), joined(parts), level)
    undecided = [
        Undecided(str(name), figure, reason)
        for figure, found in reasons.items()
        for name, reason in zip(names, found, strict=True)
        if reason
    ]
    return Fairness(_groups(names, plain, joined(drawn), level), gaps, tuple(undecided))


def _reasons(rows: np.ndarray, about: np.ndarray, of: str, group_min: int, label_min: int) -> list[str]:
    """Why each group cannot be judged, empty where it can, by its rows (groups, 1) and those the figure is about."""
    found = []
    for has, there in zip(rows[:, 0].astype(int), about[:, 0].astype(int), strict=True):
        few = f"{has} rows, {group_min} are needed" if has < group_min else ""
        least = 1 if of == "rows" else max(1, label_min)
        found.append(few or (f"{there} {of}, {least} are needed" if there < least else ""))
    return found


def _groups(
    names: np.ndarray, plain: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], level: float
) -> tuple[Group, ...]:
    """Figures (groups, 1) on all rows, and those of them that were drawn (resamples, groups)."""
    shown = {name: values[:, 0] for name, values in plain.items() if name != "rows"}
    return tuple(
        Group(
            str(name),
            int(plain["rows"][at, 0]),
            {figure: float(one[at]) for figure, one in shown.items()},
            {figure: interval(float(shown[figure][at]), one[:, at], level) for figure, one in drawn.items()},
        )
        for at, name in enumerate(names)
    )


def _gaps(table: Table, found: Mapping[str, np.ndarray], judged: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every gap (b,); NaN with fewer than two groups, and of parity where no row is said to be 1: no evidence."""
    gaps: dict[str, np.ndarray] = {}
    binary = "selected" in found
    for figure, _ in table.about:
        values = found[figure][judged[figure]]
        if binary and figure != "accuracy":
            values = np.where(found["selected"][judged[figure]].sum(axis=0) > 0, values, np.nan)
        gaps[f"{GAPS[figure]}_difference"] = difference(values)
        if figure in ("selection_rate", "tpr", "fpr"):
            gaps[f"{GAPS[figure]}_ratio"] = ratio(values)
    if binary:
        both = gaps["equal_opportunity_difference"], gaps["fpr_difference"]
        gaps["equalized_odds_difference"] = np.maximum(*both)
    return gaps


def difference(values: np.ndarray) -> np.ndarray:
    """The largest of each column (groups, b) less the smallest, (b,); NaN with fewer than two groups or a NaN."""
    if len(values) < 2:
        return np.full(values.shape[1], np.nan)
    found: np.ndarray = values.max(axis=0) - values.min(axis=0)
    return found


def ratio(values: np.ndarray) -> np.ndarray:
    """The smallest of each column (groups, b) by the largest, (b,); NaN also where all are 0."""
    if len(values) < 2:
        return np.full(values.shape[1], np.nan)
    largest = values.max(axis=0)
    found: np.ndarray = np.divide(values.min(axis=0), largest, out=np.full(values.shape[1], np.nan), where=largest > 0)
    return found
