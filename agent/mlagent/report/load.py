"""How long callers wait under load: each request counts from when it was due."""

import math
from collections.abc import Iterator

import numpy as np

from mlagent.core.verdict import Check
from mlagent.plot.axes import Axis, reach
from mlagent.plot.columns import Bar, columns
from mlagent.plot.lines import Curve, Rule, lines
from mlagent.plot.words import number, text
from mlagent.report.html import absent, figure, figures, said, section, table, word
from mlagent.report.load_course import course
from mlagent.report.run import Load, Missing, Percentile, Run, Spread

BINS, SLICES = 40, 60
AND = "; and "  # between the reasons of one check
FITNESS = "faults of the measurement"
PLAIN = ("golden rows not as expected", "wrong answers", "capacity", "rates that the meter could not measure")
PERCENTILES = ("p50", "p95", "p99")
HEAD = ("figure", "value", "interval", "limit", "outcome")


def load(run: Run) -> str:
    """Whether it was measured at all, percentiles with their limits, the histogram, and the course over time."""
    if isinstance(run.load, Missing):
        why = absent(f"The model was not put under load: {run.load.why}.")
        return section("load", "Load test", _invalid(run), why)
    found, judged = run.load, {one.metric: one for one in run.checks("load-test")}
    shown = found.kept & np.isfinite(found.latency) & (found.latency > 0)
    limit = judged["p99 latency"].threshold if "p99 latency" in judged else math.nan
    drawn = list(_plots(found, shown, limit)) if shown.any() else []
    none = "" if drawn else absent("No request was due after the warm-up: there is nothing to draw.")
    parts = (_invalid(run), said(_about(found)), _percentiles(found, judged), figures(drawn), none)
    return section("load", "Load test", *parts, course(found, judged, limit))


def _invalid(run: Run) -> str:
    """What stands above all figures where they say nothing."""
    one = next((one for one in run.checks("load-test") if one.metric == FITNESS and one.outcome == "invalid"), None)
    if one is None:
        return ""
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in one.reason.split(AND))
    title = f"<h3>{word('invalid')}: nothing below says how fast the model is</h3>"
    return f'<div class="callout">{title}<ul>{reasons}</ul></div>'


def _about(found: Load) -> str:
    bad, warm = int((found.failed & found.kept).sum()), int((~found.kept).sum())
    return (
        f"{len(found.due):,} requests in all, {warm:,} of them as warm-up or to production, which do not count here;"
        f" {bad:,} of the others failed. Judged is the latency from when a request was due; the service alone, from"
        " when it was sent, stands beside it."
    )


def _percentiles(found: Load, judged: dict[str, Check]) -> str:
    rows = []
    for name in PERCENTILES:
        one, check = found.percentiles.get(name, Percentile()), judged.get(f"{name} latency")
        rows.append(_row(f"{name} latency", found.figures.get(f"{name}_ms"), one.due, check, "ms"))
        if one.service:
            rows.append(_row(f"{name} of the service alone", one.service.value, one.service, None, "ms"))
    rows.append(_row("share of errors", found.figures.get("error_rate"), None, judged.get("error rate")))
    rows += [_row(name, judged[name].value, None, judged[name], judged[name].unit) for name in PLAIN if name in judged]
    return table("Latency, errors and answers", HEAD, rows, numbers=(1, 2, 3))


def _row(name: str, value: float | None, ends: Spread | None, check: Check | None, unit: str = "") -> tuple[str, ...]:
    """A figure that is measured anyway, with its limit where it has one."""
    sign = "≥" if check and check.comparison == ">=" else "≤"
    limit = f"{sign} {number(check.threshold)} {unit}".rstrip() if check else "none"
    wide = f"{number(ends.low)} to {number(ends.high)}" if ends else ""
    return name, f"{number(value)} {unit}".rstrip(), wide, limit, word(check.outcome) if check else "not judged"


def _plots(found: Load, kept: np.ndarray, limit: float) -> Iterator[str]:
    due, latency = found.due[kept], found.latency[kept]
    low, high = reach(
        [float(latency.min()), float(latency.max())], *([limit] if math.isfinite(limit) else []), log=True
    )
    milliseconds = Axis("latency in ms, on a logarithmic scale", low, high, log=True)
    edges = np.geomspace(low, high, BINS + 1)
    counts = np.histogram(latency, edges)[0]
    ends = [*edges.tolist()]
    bars = [
        Bar(
            ends[at], ends[at + 1], float(count), f"{number(ends[at])} to {number(ends[at + 1])} ms: {count:,} requests"
        )
        for at, count in enumerate(counts.tolist())
        if count
    ]
    up = Axis("requests", 0, float(counts.max()) * 1.05)
    rule = Rule("x", limit, f"p99 limit {number(limit)} ms")
    yield figure("How latencies are spread", columns("Histogram of latency", bars, milliseconds, up, [rule]))
    yield figure("Latency over time", _over_time(due, latency, limit))


def _over_time(due: np.ndarray, latency: np.ndarray, limit: float) -> str:
    """The middle and the slowest of each slice of time: a stall shows as a peak."""
    first, last = float(due.min()), float(due.max())
    edges = np.linspace(first, last, SLICES + 1)[1:-1] if last > first else np.empty(0)
    parts = np.searchsorted(edges, due, side="right")
    there = np.unique(parts)
    at = [float(due[parts == one].mean()) for one in there]
    median = [float(np.median(latency[parts == one])) for one in there]
    slowest = [float(latency[parts == one].max()) for one in there]
    low, high = reach([*median, *slowest], *([limit] if math.isfinite(limit) else []), log=True)
    curves = [Curve("median", at, median), Curve("slowest", at, slowest)]
    up = Axis("latency in ms, on a logarithmic scale", low, high, log=True)
    ends = (first, last) if last > first else (first - 0.5, first + 0.5)
    rule = Rule("y", limit, f"p99 limit {number(limit)} ms")
    return lines("Latency over time", curves, Axis("seconds since the load began", *ends), up, rules=[rule])
