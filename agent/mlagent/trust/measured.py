"""The figures of a model for its card: metrics with intervals, groups, slices; without numpy, as tables in Markdown."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mlagent.core.verdict import Check
from mlagent.measure.headlines import spoken
from mlagent.plot.words import cell, number

CONSTANT, PRODUCTION = "constant", "production"
WORST = 5  # slices that are shown
GROUPS = 30  # of an attribute that are shown
FIGURES = {
    "selection_rate": "said to be 1",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "bias": "mean error",
    "mae": "mean absolute error",
}


class Interval(msgspec.Struct, frozen=True):
    """A figure and its interval; None where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """The value, and from where to where."""
        known = self.low is not None and self.high is not None
        return number(self.value) + (f" ({number(self.low)} to {number(self.high)})" if known else "")


class Group(msgspec.Struct, frozen=True):
    """A group of a sensitive attribute."""

    name: str
    rows: int
    figures: Mapping[str, float | None]
    intervals: Mapping[str, Interval] = {}


class Undecided(msgspec.Struct, frozen=True):
    """A group that one figure's gaps leave out."""

    group: str
    figure: str
    reason: str


class Fairness(msgspec.Struct, frozen=True):
    """The groups of one attribute, and the gaps between them."""

    groups: tuple[Group, ...]
    gaps: Mapping[str, Interval]
    undecided: tuple[Undecided, ...] = ()


class Slice(msgspec.Struct, frozen=True):
    """The rows on which a column has one value."""

    column: str
    value: str
    rows: int
    metrics: Mapping[str, Interval]


class Slices(msgspec.Struct, frozen=True):
    """The worst slice by each metric."""

    worst: Mapping[str, Slice] = {}
    small: int = 0


class Model(msgspec.Struct, frozen=True):
    """One model that could ship; the first is the one that does."""

    metrics: Mapping[str, Interval]
    groups: Mapping[str, Fairness] = {}
    slices: Slices = Slices()


class Evaluation(msgspec.Struct, frozen=True):
    """What a card shows of `evaluation.json`; `rows` are of the test part."""

    task: str
    rows: int
    level: float
    models: Mapping[str, Model]
    others: Mapping[str, Mapping[str, Interval]] = {}
    unknown: Mapping[str, str] = {}
    absent: Mapping[str, tuple[str, ...]] = {}
    threshold: float | None = None
    threshold_by: str = ""

    @property
    def ships(self) -> Model:
        """The model that ships."""
        return next(iter(self.models.values()))


def metrics(found: Evaluation) -> Iterator[str]:
    """A table of every metric, beside a constant answer and the model in production."""
    others = [name for name in (CONSTANT, PRODUCTION) if name in found.others]
    words = {CONSTANT: "a constant answer", PRODUCTION: "the model in production"}
    rows = [
        (spoken(name), str(one), *(number(found.others[other].get(name, Interval()).value) for other in others))
        for name, one in found.ships.metrics.items()
    ]
    yield f"On {found.rows:,} rows that training never saw; in brackets the {100 * found.level:g} % interval."
    yield table(("metric", "this model", *(words[other] for other in others)), rows)
    if PRODUCTION not in found.others:
        yield f"Not compared with production: {cell(found.unknown.get(PRODUCTION) or 'no model was there')}."


def fairness(found: Evaluation, checks: Sequence[Check]) -> Iterator[str]:
    """A part an attribute: the gaps with their limits among `checks`, the groups, what could not be judged."""
    if not found.ships.groups:
        yield "No group was measured: `evaluate.groups` names none."
    for name, fair in found.ships.groups.items():
        yield f"### {cell(name)}"
        gaps = [
            (cell(gap.replace("_", " ")), str(one), *_limit(f"{gap} of {name}", checks))
            for gap, one in fair.gaps.items()
        ]
        yield table(("gap between groups", "value", "limit", "outcome"), gaps)
        yield _groups(fair)
        yield from (
            f"- {cell(one.group)}: not judged on {FIGURES.get(one.figure, cell(one.figure))}: {cell(one.reason)}"
            for one in fair.undecided
        )
        yield from (f"- {cell(one)}: no test row is of this group" for one in found.absent.get(name, ()))


def _groups(fair: Fairness) -> str:
    """The largest first."""
    ordered = sorted(fair.groups, key=lambda one: (-one.rows, one.name))
    names = [one for one in FIGURES if ordered and one in ordered[0].figures]
    rows = [
        (
            cell(one.name),
            f"{one.rows:,}",
            *(str(one.intervals.get(key, Interval(one.figures.get(key)))) for key in names),
        )
        for one in ordered[:GROUPS]
    ]
    left = len(ordered) - len(rows)
    more = f"\n\n{left} more groups stand in evaluation.json." if left > 0 else ""
    return table(("group", "rows", *(FIGURES[one] for one in names)), rows) + more


def _limit(name: str, checks: Sequence[Check]) -> tuple[str, str]:
    for one in checks:
        if one.metric in (name, f"{name} (low end)", f"{name} (high end)"):
            return f"{one.comparison} {number(one.threshold)}", one.outcome
    return "none", "not judged"


def slices(found: Evaluation) -> Iterator[str]:
    """Where it is worst, by each metric."""
    worst = list(found.ships.slices.worst.items())[:WORST]
    rows = [
        (spoken(metric), cell(f"{one.column}={one.value}"), f"{one.rows:,}", str(one.metrics.get(metric, Interval())))
        for metric, one in worst
    ]
    if rows:
        yield "The slices of the rows on which it is worst:"
        yield table(("by", "slice", "rows", "there"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown; the cells are as they are to stand there."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
