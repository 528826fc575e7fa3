"""Each way to be no measurement is named with its figures and what to do; what the server causes is judged."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from mlagent.core.verdict import verdict
from mlagent.loadtest import samples
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import measure
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.result import MeterHealth, Result, summarise
from mlagent.loadtest.validity import reasons
from mlagent.loadtest.verdict import SUBJECT, judge

LIMITS = Limits(p99_ms=50, error_rate_max=0.01, requests_min=400, late_share_max=0.01)
COURSE = (Piece(seconds=5, rate_per_second=100, label="steady"),)
REQUEST = Request(
    targets=(Target(name="", url=""),), pieces=COURSE, golden="", tolerance=0, users=8, timeout_seconds=2, seed=1,
    output="",
)  # fmt: skip
FIT = MeterHealth(worker=0, host="here", cpu_share=0.4, cpu_share_max=0.95)


def rows(latency: float = 0.01, count: int = 500) -> samples.Samples:
    found = np.zeros(count, samples.DTYPE)
    found["intended"], found["status"] = np.arange(count) / 100, 200
    found["latency"] = found["service"] = latency
    return found


def said(found: samples.Samples, limits: Limits = LIMITS, **changes: Any) -> list[str]:
    result: Result = msgspec.structs.replace(summarise(REQUEST, found, None, "2", meters=[FIT]), **changes)
    seen = measure(found, COURSE, timeout_seconds=2)
    faults = reasons(result, seen, limits)
    judged = verdict(SUBJECT, judge(seen, limits, faults=faults), inputs={}, tools={})
    assert (judged.outcome == "invalid") == bool(faults)
    return list(faults)


def held_up(found: samples.Samples, service: float) -> samples.Samples:
    """Half of them waited for a free user until the load was over."""
    found["latency"][250:] = 6.0 - found["intended"][250:]
    found["service"][250:] = service
    return found


def unsent(found: samples.Samples) -> samples.Samples:
    found["latency"][-100:], found["service"][-100:] = 3.0, 0.01
    found["lag"][-100:] = 2.99
    return found


def test_a_fit_meter_has_no_fault() -> None:
    assert said(rows()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"meters": (FIT, msgspec.structs.replace(FIT, worker=1, lost=True, cpu_share=None))}, "lost 1 of its 2 proc"),
        ({"meters": (msgspec.structs.replace(FIT, cpu_share=0.97),)}, "took 97% of a core, 90% are allowed"),
        ({"clock_jump_seconds": 3.2}, "the clock jumped by 3.2 s meanwhile, 0.1 s are allowed"),
    ],
)
def test_what_the_meter_tells_of_itself_is_named(changes: dict[str, Any], words: str) -> None:
    (one,) = said(rows(), **changes)
    assert words in one
    assert ": " in one


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: rows(count=399), "399 requests after the warm-up are too few, load-test.requests_min asks for 400"),
        (lambda: held_up(rows(), 0.01), "more load-test.users"),
        (lambda: unsent(rows()), "late, 1.00% are allowed: this machine was too busy"),
    ],
)
def test_what_the_samples_show_is_named(made: Callable[[], samples.Samples], words: str) -> None:
    assert any(words in one for one in said(made()))


def test_a_rate_that_was_not_reached_is_told_with_both_rates() -> None:
    (one,) = said(held_up(rows(), 0.01))
    assert one.startswith("the rate was not reached in 'steady': 50 of 100 requests a second were sent in time (50.0%")
    assert "50% of the requests waited because all users waited for answers" in one


def test_a_server_that_holds_its_callers_up_is_judged() -> None:
    found = held_up(rows(), 0.08)
    assert said(found) == []
    checks = judge(measure(found, COURSE, timeout_seconds=2), LIMITS)
    assert checks[0].outcome == "fail"


def test_all_faults_are_told_at_once() -> None:
    found = said(rows(count=300), clock_jump_seconds=5.0, meters=(msgspec.structs.replace(FIT, cpu_share=1.0),))
    assert len(found) == 3
    assert not any("; and " in one for one in found)  # what stands between them
