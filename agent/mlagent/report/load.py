"""How long callers wait under load: each request counts from when it was due."""

import math
from collections.abc import Iterator

import numpy as np

from mlagent.core.verdict import Check
from mlagent.plot.axes import Axis, reach
from mlagent.plot.columns import Bar, columns
from mlagent.plot.lines import Curve, Rule, lines
from mlagent.plot.words import number
from mlagent.report.html import absent, figure, figures, said, section, table, word
from mlagent.report.run import Load, Missing, Run

BINS, SLICES = 40, 60
ANSWERS = ("golden rows not as expected", "wrong answers")
PERCENTILES = (("p50_ms", "p50"), ("p95_ms", "p95"), ("p99_ms", "p99"))


def load(run: Run) -> str:
    """Percentiles with their limits, the histogram, and latency over time."""
    if isinstance(run.load, Missing):
        return section("load", "Load test", absent(f"The model was not put under load: {run.load.why}."))
    found = run.load
    kept = (found.due >= found.warmup) & np.isfinite(found.latency) & (found.latency > 0)
    limit = next((one.threshold for one in run.checks("load-test") if one.metric == "p99 latency"), math.nan)
    drawn = list(_plots(found, kept, limit)) if kept.any() else []
    none = "" if drawn else absent("No request was due after the warm-up: there is nothing to draw.")
    bad = int((found.failed & (found.due >= found.warmup)).sum())
    return section("load", "Load test", said(_about(found, bad)), _percentiles(run, found), figures(drawn), none)


def _about(found: Load, bad: int) -> str:
    return (
        f"{len(found.due):,} requests in all, the first {found.warmup:g} s of them as warm-up that does not count;"
        f" {bad:,} failed after it."
    )


def _percentiles(run: Run, found: Load) -> str:
    judged = {one.metric: one for one in run.checks("load-test")}
    rows = [_row(name, found.figures.get(key), judged.get(f"{name} latency"), "ms") for key, name in PERCENTILES]
    rows.append(_row("share of errors", found.figures.get("error_rate"), judged.get("error rate")))
    rows += [_row(name, judged[name].value, judged[name]) for name in ANSWERS if name in judged]
    return table("Latency, errors and answers", ("figure", "value", "limit", "outcome"), rows, numbers=(1, 2))


def _row(name: str, value: float | None, check: Check | None, unit: str = "") -> tuple[str, str, str, str]:
    """A figure that is measured anyway, with its limit where it has one."""
    limit = f"≤ {number(check.threshold)} {unit}".rstrip() if check else "none"
    return name, f"{number(value)} {unit}".rstrip(), limit, word(check.outcome) if check else "not judged"


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
