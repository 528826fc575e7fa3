"""How a run ended, as Markdown that a pull request can show: metrics beside production's, then every verdict."""

from collections.abc import Mapping, Sequence

import msgspec

from mlagent.core.verdict import Check, Verdict
from mlagent.plot.words import cell

PRODUCTION = "production"


class Interval(msgspec.Struct, frozen=True):
    """A metric and its interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Model(msgspec.Struct, frozen=True):
    """One model that could ship."""

    metrics: Mapping[str, Interval]
    less: Mapping[str, Mapping[str, Interval]] = {}


class Evaluation(msgspec.Struct, frozen=True):
    """What is shown of `evaluation.json`."""

    rows: int
    level: float
    models: Mapping[str, Model]
    others: Mapping[str, Mapping[str, Interval]] = {}
    unknown: Mapping[str, str] = {}


def page(
    title: str,
    facts: Sequence[tuple[str, str]],
    stages: Sequence[tuple[str, str, str]],
    judged: Sequence[tuple[str, Verdict]],
    evaluation: Evaluation | None,
) -> str:
    """The page: facts by name, stages (name, state, summary), verdicts by stage, and metrics where there are any."""
    parts = [f"## {cell(title)}", "\n".join(f"- {name}: {cell(text)}" for name, text in facts)]
    if evaluation:
        parts += [_metrics(name, model, evaluation) for name, model in evaluation.models.items()]
    rows = [(stage, cell(one.metric), *_figures(one), one.outcome) for stage, said in judged for one in _shown(said)]
    parts += ["### Verdicts", _table(("stage", "check", "value", "limit", "samples", "verdict"), rows)] if rows else []
    parts += ["### Stages", _table(("stage", "state", "what it says"), [tuple(map(cell, row)) for row in stages])]
    return "\n\n".join(parts) + "\n"


def _metrics(name: str, model: Model, evaluation: Evaluation) -> str:
    before, less = evaluation.others.get(PRODUCTION), model.less.get(PRODUCTION, {})
    head = ("metric", "this model", *(("production", "difference") if before else ()))
    rows = [
        (metric, _interval(one), *((_number(before, metric), _interval(less.get(metric))) if before else ()))
        for metric, one in model.metrics.items()
    ]
    why = evaluation.unknown.get(PRODUCTION) or "there is no model in production"
    note = "" if before else f"\n\nNot compared with production: {cell(why)}."
    level = f"{evaluation.rows} unseen rows, {evaluation.level:.0%} intervals"
    return f"### Metrics of {cell(name)} ({level})\n\n{_table(head, rows)}{note}"


def _shown(verdict: Verdict) -> Sequence[Check]:
    """Every check of a short verdict, of a long one only what did not pass."""
    few = len(verdict.checks) <= 20
    return [one for one in verdict.checks if few or one.outcome != "pass"]


def _figures(one: Check) -> tuple[str, str, str]:
    value = "-" if one.value is None else f"{one.value:.4g} {one.unit}".rstrip()
    return value, f"{one.comparison} {one.threshold:.4g} {one.unit}".rstrip(), str(one.samples)


def _number(metrics: Mapping[str, Interval], name: str) -> str:
    return _interval(metrics.get(name)).partition(" ")[0]


def _interval(one: Interval | None) -> str:
    if one is None or one.value is None:
        return "-"
    wide = one.low is not None and one.high is not None
    return f"{one.value:.4g} ({one.low:.4g} to {one.high:.4g})" if wide else f"{one.value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
