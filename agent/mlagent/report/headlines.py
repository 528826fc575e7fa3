"""The few figures of the first screen: quality, fairness, latency and data, each with its limit and its outcome."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from mlagent.core.verdict import WORST_FIRST, Check, spell
from mlagent.measure.evaluation import CONSTANT, PRODUCTION, Evaluation
from mlagent.measure.headlines import HEADLINES, spoken
from mlagent.plot.words import NOTHING, number, text
from mlagent.report.html import word
from mlagent.report.run import Run

GAP = re.compile(r"^(\w+)_(difference|ratio) of (.+)$")
STOP = '<span class="stop">; </span>'  # between words that a style would put below each other


class Card(NamedTuple):
    """A figure: its name, its value with its unit, what to compare it with, how it was judged (nothing: not judged)."""

    name: str
    value: str
    lines: tuple[str, ...]
    outcome: str = ""


def cards(run: Run) -> str:
    """A list, in the order people ask."""
    found = [*_quality(run), *_fair(run), *_latency(run), *_data(run)]
    if not found:
        return ""
    items = "\n".join(
        f'<li><span class="name">{text(one.name)}</span> <strong>{text(one.value)}</strong>'
        + "".join(f'{STOP}<span class="line">{text(line)}</span>' for line in one.lines)
        + (f"{STOP}{word(one.outcome)}" if one.outcome else f'{STOP}<span class="line">not judged</span>')
        + "</li>"
        for one in found
    )
    return f'<h2 class="unseen" id="figures-title">Figures</h2>\n<ul class="cards">{items}</ul>'


def _quality(run: Run) -> Iterator[Card]:
    found = run.evaluation
    if not isinstance(found, Evaluation):
        return
    ships = next(iter(found.models))
    for name in HEADLINES[found.task]:
        one = found.models[ships].metrics[name]
        lines = [f"{number(one.low)} to {number(one.high)} ({100 * found.level:g} %)"]
        lines += [
            f"{words} {number(found.others[other][name].value)}"
            for other, words in ((CONSTANT, "constant answer"), (PRODUCTION, "production"))
            if other in found.others
        ]
        called = (name, f"{name} (low end)", f"{name} (high end)")
        judged = [check for check in run.checks("gate") if check.metric in called]
        gains = [check for check in run.checks("gate") if check.metric.startswith(f"gain in {name} over ")]
        lines += [*map(_asked, judged), *(_gained(check) for check in gains if not judged or check.outcome != "pass")]
        worst = min((check.outcome for check in [*judged, *gains]), key=WORST_FIRST.index, default="")
        words = spoken(name)
        yield Card(words[0].upper() + words[1:], number(one.value), tuple(lines), worst)


def _fair(run: Run) -> Iterator[Card]:
    gaps = [(check, found) for check in run.checks("gate") if (found := GAP.match(check.metric))]
    if gaps:
        check, found = min(gaps, key=lambda one: (WORST_FIRST.index(one[0].outcome), -_used(one[0])))
        name = f"Worst gap: {found[1].replace('_', ' ')}"
        yield Card(
            name, number(check.value), (f"{found[2]} between groups of {found[3]}", _asked(check)), check.outcome
        )


def _used(check: Check) -> float:
    """How much of its limit a gap takes up."""
    if check.value is None:
        return float("inf")
    part = (check.threshold, check.value) if check.comparison == ">=" else (check.value, check.threshold)
    return part[0] / part[1] if part[1] else float("inf")


def _latency(run: Run) -> Iterator[Card]:
    for check in run.checks("load-test"):
        if check.metric == "p99 latency":
            value = NOTHING if check.value is None else spell(check.value, check.threshold, check.unit)[0]
            yield Card("p99 latency", value, (f"{check.samples:,} requests", _asked(check)), check.outcome)


def _data(run: Run) -> Iterator[Card]:
    stage = run.stage("validate-data")
    if stage and stage.checks:
        good = sum(check.outcome == "pass" for check in stage.checks)
        worst = min((check.outcome for check in stage.checks), key=WORST_FIRST.index)
        lines = (f"{max(check.samples for check in stage.checks):,} rows",)
        yield Card("Checks of the data", f"{good} of {len(stage.checks)}", lines, worst)


def _gained(check: Check) -> str:
    """By how much the model is surely better than another, and by how much it should be."""
    other = check.metric.partition(" over ")[2].removesuffix(" (low end)")
    return f"surely better than {other} by {number(check.value)}; {_asked(check)}"


def _asked(check: Check) -> str:
    word = "at least" if check.comparison == ">=" else "at most"
    return f"limit: {word} {number(check.threshold)} {check.unit}".rstrip()
