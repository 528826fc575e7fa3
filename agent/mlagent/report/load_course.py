"""What else a load tells: beside production, at which rate it breaks, and how the rate went over time."""

import math
from collections.abc import Mapping

import numpy as np

from mlagent.core.verdict import Check
from mlagent.plot.axes import Axis, reach
from mlagent.plot.lines import Curve, Rule, lines
from mlagent.plot.whiskers import Figure, whiskers
from mlagent.plot.words import number
from mlagent.report.html import figure, figures, table, word
from mlagent.report.run import Attempt, Load

RATIOS = ("p50 against production", "p99 against production")
VARIED = ("step", "spike", "soak")
SLICES = 60


def course(found: Load, judged: Mapping[str, Check], limit: float) -> str:
    """Plots side by side, and the attempts of a search as a table; nothing where there is none of it."""
    compared = [judged[name] for name in RATIOS if name in judged]
    plots = [_beside(compared)] if compared else []
    plots += [_capacity(found, limit)] if found.attempts else []
    plots += [_rate(found)] if found.profile in VARIED and len(found.due) else []
    return figures(plots) + (_attempts(found) if found.attempts else "")


def _beside(compared: list[Check]) -> str:
    """Ratios with their intervals: 1 is as fast as what serves in production."""
    rows = []
    for one in compared:
        low, high = one.interval or (math.nan, math.nan)
        rows.append(Figure(one.metric.partition(" ")[0], math.nan if one.value is None else one.value, low, high))
    ends = [end for one in rows for end in (one.value, one.low, one.high)]
    limit = compared[0].threshold
    across = Axis("times production's latency on this machine", *reach([*ends, 1.0, limit]))
    rule = Rule("x", limit, f"limit {number(limit)}")
    caption = "Beside what serves in production"
    note = "; ".join(one.reason for one in compared)
    return figure(caption, whiskers(caption, rows, across, rule), note)


def _capacity(found: Load, limit: float) -> str:
    """The p99 by the rate of each attempt, lowest rate first."""
    tried = sorted((one for one in found.attempts if one.p99_ms), key=lambda one: one.rate)
    rates, p99 = [one.rate for one in tried], [float(one.p99_ms or 0) for one in tried]
    more = [limit] if math.isfinite(limit) else []
    across = Axis("requests a second", *reach(rates))
    up = Axis("p99 latency in ms, on a logarithmic scale", *reach(p99, *more, log=True), log=True)
    rule = Rule("y", limit, f"p99 limit {number(limit)} ms")
    caption = "At which rate the service level breaks"
    return figure(caption, lines(caption, [Curve("p99", rates, p99)], across, up, rules=[rule]))


def _attempts(found: Load) -> str:
    rows = [_attempt(at, one) for at, one in enumerate(found.attempts, start=1)]
    head = ("attempt", "requests a second", "p99 in ms", "outcome")
    return table("Attempts, as they were made", head, rows, numbers=(1, 2))


def _attempt(at: int, one: Attempt) -> tuple[str, ...]:
    return str(at), number(one.rate), number(one.p99_ms), word(one.outcome)


def _rate(found: Load) -> str:
    """What fell due, and what of that was answered, a second; both by when it was due."""
    first, last = float(found.due.min()), float(found.due.max())
    wide = max((last - first) / SLICES, 1e-6)
    edges = first + wide * np.arange(SLICES + 1)
    middle = [*((edges[:-1] + edges[1:]) / 2).tolist()]
    due = [*(np.histogram(found.due, edges)[0] / wide).tolist()]
    answered = [*(np.histogram(found.due[~found.failed], edges)[0] / wide).tolist()]
    up = Axis("requests a second", 0, max(due) * 1.1 or 1.0)
    caption = "The rate over time"
    curves = [Curve("due", middle, due), Curve("answered", middle, answered)]
    return figure(caption, lines(caption, curves, Axis("seconds since the load began", first, last + wide), up))
