"""Sends the load of the profile; of `capacity` one load after another, until the highest rate that holds is known."""

from pathlib import Path

import msgspec

from mlagent.core.files import write_whole
from mlagent.core.verdict import verdict
from mlagent.loadtest.capacity import Answer, Attempt, Outcome, Search
from mlagent.loadtest.judgement import Seen
from mlagent.loadtest.request import Target
from mlagent.loadtest.standing import Standing
from mlagent.loadtest.verdict import SUBJECT, judge
from mlagent.stages.load_test import judging
from mlagent.stages.load_test.beside import Champion
from mlagent.stages.load_test.loads import Bench
from mlagent.stages.load_test.settings import Config

CAPACITY = "capacity.json"
ROOM = 1.2  # more than requests_min fall due, though their number is random


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What capacity.json holds: the rate that held (requests a second; 0: none), of what, and every attempt.

    `cpus` and `memory_mb` are what a container was given; None where it was no container.
    """

    rate_per_second: float
    at_least: bool
    cpus: float | None
    memory_mb: int | None
    attempts: tuple[Attempt, ...]


def load(config: Config, bench: Bench, target: Target, champion: Champion) -> Seen:
    """Send it, and give what is to be judged: of a search for the capacity the last load, at the rate that held."""
    if config.profile != "capacity":
        return judging.load(config, bench, target, champion)
    search = Search(
        first=config.capacity_from or config.rate_per_second,
        factor=config.capacity_factor,
        resolution=config.capacity_resolution,
        repeats=config.capacity_repeats,
    )
    seen = Seen()
    while (rate := search.rate) is not None:
        bench.log.info(f"attempt {len(search.attempts) + 1}: {rate:.4g} requests/s")
        seen = judging.load(at(config, rate), bench, target, champion)
        attempt = _attempt(config, rate, seen)
        bench.log.info(f"{rate:.4g} requests/s: {attempt.outcome}", p99_ms=attempt.p99_ms, requests=attempt.requests)
        search = search.told(attempt)
        if seen.result and seen.result.wrong:
            return seen
    return msgspec.structs.replace(seen, capacity=search.answer, wanted=config.rate_per_second)


def at(config: Config, rate: float) -> Config:
    """The same load at another rate, as long as it takes for enough requests."""
    seconds = max(config.duration_seconds, ROOM * config.requests_min / rate)
    return msgspec.structs.replace(config, rate_per_second=rate, duration_seconds=seconds)


def write(work: Path, answer: Answer | None, stood: Standing | None) -> None:
    """Leave what was found, where it was looked for."""
    if answer is None:
        return
    found = Capacity(
        rate_per_second=answer.rate_per_second,
        at_least=answer.at_least,
        cpus=stood.cpus if stood else None,
        memory_mb=stood.memory_mb if stood else None,
        attempts=answer.attempts,
    )
    write_whole(work / CAPACITY, msgspec.json.format(msgspec.json.encode(found)))


def _attempt(config: Config, rate: float, seen: Seen) -> Attempt:
    measured = seen.measured
    return Attempt(
        rate=rate,
        outcome=_outcome(config, seen),
        p99_ms=measured.p99_ms if measured else None,
        requests=measured.requests if measured else 0,
        why="; and ".join(seen.faults),
    )


def _outcome(config: Config, seen: Seen) -> Outcome:
    """How the service level was judged."""
    if seen.measured is None or seen.result is None:
        return "inconclusive"
    checks = judge(seen.measured, judging.limits(config), seen.result.first_wrong, faults=seen.faults)
    return verdict(SUBJECT, checks, inputs={}, tools={}).outcome
