"""Ours and a peer in turn, asked the same, at so many connections; of a peer the best of its ways."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from tests.bench.compare import Ratio, ratio
from tests.bench.serving.models import Case
from tests.bench.serving.servers import Server, Way, serving
from tests.bench.serving.wrk import Reading, load


class Plan(NamedTuple):
    """At which connections, how many seconds a reading, how many alternations."""

    connections: Sequence[int]
    seconds: int
    times: int


class Pairs(NamedTuple):
    """A peer beside us at so many connections, reading by reading."""

    peer: str
    way: Way
    connections: int
    ours: list[Reading]
    theirs: list[Reading]

    def rate(self) -> Ratio:
        """Requests a second, ours to theirs."""
        return ratio([(one.rate, other.rate) for one, other in zip(self.ours, self.theirs, strict=True)])

    def p99(self) -> Ratio:
        """The 99th percentile of latency, theirs to ours."""
        return ratio([(other.p99_ms, one.p99_ms) for one, other in zip(self.ours, self.theirs, strict=True)])


def beside(ours: Server, peer: str, ways: Sequence[Way], case: Case, plan: Plan) -> list[Pairs]:
    """Choose the peer's best way, then alternate. Raises RuntimeError where no way of it serves."""
    way = max(ways, key=lambda one: _tried(one, case, plan)) if len(ways) > 1 else ways[0]
    with serving(way, case) as server:
        return [_in_turn(ours, peer, server, plan, connections) for connections in plan.connections]


def measured(server: Server, connections: int, seconds: int) -> Reading:
    """One reading."""
    return load(server.url, server.way.ask, connections, seconds, server.pid)


def _in_turn(ours: Server, peer: str, server: Server, plan: Plan, connections: int) -> Pairs:
    """After a warm-up of both."""
    found = Pairs(peer, server.way, connections, [], [])
    for one in (ours, server):
        measured(one, connections, max(1, plan.seconds // 2))
    for _ in range(plan.times):
        found.ours.append(measured(ours, connections, plan.seconds))
        found.theirs.append(measured(server, connections, plan.seconds))
    return found


def _tried(way: Way, case: Case, plan: Plan) -> float:
    """The product of its rates, each after a warm-up; 0 for a way that does not serve."""
    with suppress(RuntimeError), serving(way, case) as server:
        return math.prod(_warm(server, connections, plan.seconds).rate for connections in plan.connections)
    return 0.0


def _warm(server: Server, connections: int, seconds: int) -> Reading:
    measured(server, connections, max(1, seconds // 2))
    return measured(server, connections, seconds)
