"""What was found, as Markdown: a row a server, then the goals and whether they were met."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.compare import Ratio
from tests.bench.serving.rounds import Pairs
from tests.bench.serving.wrk import Reading

HEAD = """\
| server | requests/s | p50 ms | p99 ms | CPU us a request | ours to it, rate | its p99 to ours | asked in | run with |
|---|---|---|---|---|---|---|---|---|"""


class Goal(NamedTuple):
    """A figure and its bound; met where the figure, or the whole interval around it, is on the right side."""

    what: str
    found: Ratio | float
    bound: float
    least: bool = True

    def __str__(self) -> str:
        """A line of a list."""
        told = ranged(self.found) if isinstance(self.found, Ratio) else f"{self.found:.3g}"
        return f"- {self.what}: {told}; goal: at {'least' if self.least else 'most'} {self.bound:g}: {self._judged()}"

    def _judged(self) -> str:
        low, high = (self.found.low, self.found.high) if isinstance(self.found, Ratio) else (self.found, self.found)
        if low >= self.bound if self.least else high <= self.bound:
            return "met"
        return "**missed**" if (high < self.bound if self.least else low > self.bound) else "**not resolved**"


def table(connections: int, found: Sequence[Pairs], form: str, settings: str) -> str:
    """All that was measured at so many connections; ours over all of our readings."""
    ours = [reading for pairs in found for reading in pairs.ours]
    rows = [_row("**mlagent**", ours, "", "", form, settings)]
    for pairs in sorted(found, key=lambda one: -middle(one.theirs).rate):
        way = pairs.way
        told = (ranged(pairs.rate()), ranged(pairs.p99()))
        rows.append(_row(pairs.peer, pairs.theirs, *told, way.ask.form, way.settings))
    return "\n".join([f"At {connections} connections:\n", HEAD, *rows, ""])


def middle(readings: Sequence[Reading]) -> Reading:
    """Medians."""
    return Reading(*(statistics.median(column) for column in zip(*readings, strict=True)))


def ranged(found: Ratio) -> str:
    """A ratio with its 95 % interval."""
    resolved = "" if found.low > 1 or found.high < 1 else ", not resolved"
    return f"{found.ratio:.3g} ({found.low:.3g} to {found.high:.3g}{resolved})"


def _row(name: str, readings: Sequence[Reading], rate: str, p99: str, form: str, settings: str) -> str:
    one = middle(readings)
    figures = (f"{one.rate:,.0f}", f"{one.p50_ms:.2f}", f"{one.p99_ms:.2f}", f"{one.cpu_us:,.0f}")
    return f"| {' | '.join((name, *figures, rate, p99, form, settings))} |"
