"""Whether groups of people are treated alike, and on which slices of the rows the model is worst."""

import math
from collections.abc import Iterator

from mlagent.core.verdict import Check
from mlagent.measure.bootstrap import Interval
from mlagent.measure.evaluation import Evaluation, Measured
from mlagent.measure.fairness import GAPS, Fairness, Group
from mlagent.measure.headlines import spoken
from mlagent.measure.metrics import HIGHER_IS_BETTER
from mlagent.measure.slices import SHOWN, Slice, Slices
from mlagent.plot.axes import Axis, reach
from mlagent.plot.whiskers import Figure, whiskers
from mlagent.plot.words import number, text
from mlagent.report.html import absent, details, figure, figures, said, section, table, word
from mlagent.report.run import Missing, Run

FIGURES = {
    "selection_rate": "said to be 1",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "accuracy": "accuracy",
    "bias": "mean error",
    "mae": "mean absolute error",
    "precision": "precision",
    "positives": "rows labelled 1",
    "negatives": "rows labelled 0",
    "selected": "rows said to be 1",
}
DRAWN = 25  # groups and slices on one plot


def fairness(run: Run) -> str:
    """A part an attribute: dots with whiskers, the groups, the gaps with their limits; then the slices."""
    found = run.evaluation
    if isinstance(found, Missing):
        return section("fairness", "Groups and slices", absent(f"No group was measured: {found.why}."))
    ships = next(iter(found.models.values()))
    gate = run.stage("gate")
    notes = [said(note) for verdict in (gate.verdicts if gate else ()) for note in verdict.notes]
    none = [] if ships.groups else [absent("No groups were named (evaluate.groups), so no gaps were measured.")]
    parts = (_attribute(name, one, found, run.checks("gate")) for name, one in ships.groups.items())
    return section("fairness", "Groups and slices", *none, *notes, *parts, _slices(found, ships))


def _attribute(name: str, fair: Fairness, found: Evaluation, checks: list[Check]) -> str:
    missing = found.absent.get(name, ())
    gone = absent(f"Groups without a test row: {', '.join(missing)}.") if missing else ""
    rows = [
        (_gap(gap), number(one.value), _ends(one), *_limit(f"{gap} of {name}", checks))
        for gap, one in fair.gaps.items()
    ]
    few = "".join(said(f"{one.group}: not judged on {FIGURES.get(one.figure, one.figure)}: {one.reason}.")
                  for one in fair.undecided[:DRAWN])  # fmt: skip
    return (
        f"<h3>{text(name)}</h3>{gone}"
        + figures(_plots(name, fair))
        + table(
            f"Gaps between groups of {name}", ("gap", "value", "interval", "limit", "outcome"), rows, numbers=(1, 2)
        )
        + _groups(name, fair)
        + few
    )


def _plots(name: str, fair: Fairness) -> Iterator[str]:
    groups = sorted(fair.groups, key=lambda one: (-one.rows, one.name))[:DRAWN]
    compared = [one for one in GAPS if groups and one in groups[0].figures]
    for figure_ in [one for one in compared if one not in ("fpr", "accuracy")] or compared:
        dots = [_dot(one, figure_) for one in groups]
        words = FIGURES[figure_]
        axis = Axis(words, *reach([end for one in dots for end in one[1:]]))
        yield figure(f"{words[0].upper()}{words[1:]}, by {name}", whiskers(f"{words} by {name}", dots, axis))


def _dot(one: Group, figure_: str) -> Figure:
    ends = one.intervals.get(figure_)
    return Figure(one.name, one.figures[figure_], *((ends.low, ends.high) if ends else (math.nan, math.nan)))


def _groups(name: str, fair: Fairness) -> str:
    names = list(fair.groups[0].figures) if fair.groups else []
    groups = sorted(fair.groups, key=lambda one: (-one.rows, one.name))
    head = ("group", "rows", *(FIGURES.get(one, one) for one in names))
    rows = [(text(one.name), f"{one.rows:,}", *(_counted(one, key) for key in names)) for one in groups]
    return table(f"Groups of {name}", head, rows, numbers=range(1, len(head)))


def _counted(one: Group, figure_: str) -> str:
    """A figure, and its interval where it has one."""
    ends = one.intervals.get(figure_)
    return number(one.figures[figure_]) + (f"<br>({_ends(ends)})" if ends else "")


def _gap(name: str) -> str:
    return text(name.replace("_", " "))


def _ends(one: Interval) -> str:
    return f"{number(one.low)} to {number(one.high)}" if math.isfinite(one.low + one.high) else "not known"


def _limit(name: str, checks: list[Check]) -> tuple[str, str]:
    """The limit and how it was judged; a gap without a limit is not judged."""
    for one in checks:
        if one.metric in (name, f"{name} (low end)", f"{name} (high end)"):
            sign = "≥" if one.comparison == ">=" else "≤"
            return f"{sign} {number(one.threshold)}", word(one.outcome)
    return "none", "not judged"


def _slices(found: Evaluation, ships: Measured) -> str:
    slices: Slices = ships.slices
    if not slices.slices:
        return "<h3>Slices</h3>" + absent(f"No slice was measured: {slices.small} had too few rows.")
    metric = SHOWN[found.task][0]
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    ordered = sorted(slices.slices, key=lambda one: _worse(sign * one.metrics[metric].value))
    dots = [Figure(f"{one.column}={one.value}", *_three(one, metric)) for one in ordered[:DRAWN]]
    words = spoken(metric)
    axis = Axis(words, *reach([end for one in dots for end in one[1:]]))
    drawn = figure(f"{words} of the {len(dots)} worst slices", whiskers(f"{words} of the worst slices", dots, axis))
    few = said(f"{slices.small} slices had too few rows to be measured.") if slices.small else ""
    return f"<h3>Slices</h3>{figures([drawn])}{few}" + details(
        f"All {len(ordered)} slices", _listed(ordered, SHOWN[found.task])
    )


def _worse(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _three(one: Slice, metric: str) -> tuple[float, float, float]:
    figure_ = one.metrics[metric]
    return figure_.value, figure_.low, figure_.high


def _listed(ordered: list[Slice], names: tuple[str, ...]) -> str:
    head = ["slice", "rows"]
    for name in names:
        head += [spoken(name), "interval"]
    rows = []
    for one in ordered:
        row = [text(f"{one.column}={one.value}"), f"{one.rows:,}"]
        for name in names:
            row += [number(one.metrics[name].value), _ends(one.metrics[name])]
        rows.append(row)
    return table("Slices, the worst first", head, rows, numbers=range(1, len(head)))
