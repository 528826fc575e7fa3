"""Sends a load by the meter, and reads what it left: the same for a stage's own server and for one by its URL."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mlagent.core.ports.children import Children
from mlagent.core.ports.log import Log
from mlagent.loadtest import result, samples
from mlagent.loadtest.pieces import Shape
from mlagent.loadtest.progress import Follower
from mlagent.loadtest.request import Piece, Target, Workers
from mlagent.loadtest.result import Result
from mlagent.loadtest.samples import Samples
from mlagent.stages.load_test.settings import GOLDEN, Config

_ALIKE = ("arrivals", "users", "processes", "timeout_seconds", "seed", "tolerance")


class Bench(NamedTuple):
    """Who measures, into which folder; `hosts` may be asked beside this machine."""

    tools: Children
    work: Path
    log: Log
    hosts: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What one load left."""

    samples: Samples
    result: Result


def shape(config: Config) -> Shape:
    """What of the settings makes the course of the load."""
    alike = {name: getattr(config, name) for name in Shape.__struct_fields__ if name != "rate"}
    return Shape(rate=config.rate_per_second, **alike)


def send(config: Config, bench: Bench, targets: Sequence[Target], pieces: Sequence[Piece]) -> Reading:
    """Send it, and read samples and result."""
    asked = request(config, bench, targets, pieces)
    bench.tools.run("mlagent.loadtest", asked, bench.work, Follower(bench.log, bench.work))
    return Reading(samples.read(bench.work / "samples.npy"), result.read(bench.work / "result.json"))


def request(config: Config, bench: Bench, targets: Sequence[Target], pieces: Sequence[Piece]) -> Mapping[str, object]:
    """What the meter is given, as plain data."""
    found: dict[str, Any] = {name: getattr(config, name) for name in _ALIKE}
    found |= {"targets": msgspec.to_builtins(targets), "pieces": msgspec.to_builtins(pieces)}
    found |= {"golden": str(bench.work / GOLDEN), "hosts": bench.hosts}
    if config.workers:
        found["workers"] = msgspec.to_builtins(
            Workers(
                host=config.workers_bind,
                port=config.workers_port,
                count=config.workers,
                wait_seconds=config.workers_seconds,
            )
        )
    return found
