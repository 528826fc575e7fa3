"""Each way in which a run can be no measurement: it stands in the result, and is the one reason why it is invalid."""

import json
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import psutil
import pytest

from mlagent.loadtest import result as results
from mlagent.loadtest import samples
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import measure
from mlagent.loadtest.progress import PROGRESS, Progress
from mlagent.loadtest.request import Piece
from mlagent.loadtest.validity import reasons
from tests.pipeline.loadtest.conftest import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.loadtest.conftest import Known, Meter, Site

JUMP = """
import sys, time
from mlagent.loadtest import __main__, watch

began = time.monotonic()

def wall():
    return time.time() + ({jump} if time.monotonic() - began > {after} else 0)

watch.Watch.__init__.__kwdefaults__["wall"] = wall
sys.exit(__main__.main(sys.argv[1:]))
"""


def read(meter: "Meter") -> tuple[samples.Samples, results.Result]:
    return samples.read(meter.output / "samples.npy"), results.read(meter.output / "result.json")


def said(meter: "Meter", **limits: Any) -> Sequence[str]:
    """Why the last run is invalid; its lateness is judged where a limit is given, for other work runs here, too."""
    found, result = read(meter)
    asked = json.loads((meter.root / "request.json").read_text(encoding="utf-8"))
    pieces = msgspec.convert(asked["pieces"], list[Piece])
    measured = measure(found, pieces, timeout_seconds=asked["timeout_seconds"])
    usual = {"p99_ms": 1000.0, "error_rate_max": 0.0, "requests_min": 50, "late_share_max": 1.0}
    return reasons(result, measured, Limits(**(usual | limits)))


def test_a_good_run_has_none_of_them(meter: "Meter", site: "Site") -> None:
    found, result = meter.run(site.url, users=16)
    (piece,) = result.pieces
    assert piece.rate_sent == pytest.approx(piece.due / piece.seconds, rel=0.2)  # other work runs here, too
    assert result.clock_jump_seconds < 0.05
    (own,) = result.meters
    assert own.cpu_share is not None
    assert own.cpu_share_max is not None
    assert 0 < own.cpu_share <= own.cpu_share_max < 0.9
    assert not own.lost
    assert len(found) == piece.due
    assert said(meter, rate_reached_min=0.9) == []


def test_a_meter_that_was_held_up_was_late_and_knows_that_it_was_its_own_fault(meter: "Meter", site: "Site") -> None:
    process = meter.start(site.url, duration_seconds=3, users=8)
    wait_for(lambda: len(site.bodies) > 20)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=60)[1] == ""
    found, result = read(meter)
    assert result.late_share > 0.2  # what fell due meanwhile, a third
    assert found["lag"].max() > 0.7
    assert result.errors == 0
    assert any("of its own fault the meter sent" in why for why in said(meter, late_share_max=0.05))


def test_a_rate_that_too_few_users_cannot_make_was_not_reached(meter: "Meter", known: "Callable[..., Known]") -> None:
    server = known(delays="mixed")
    found, result = meter.run(server.url, users=2, rate_per_second=30, duration_seconds=2, timeout_seconds=20)
    (piece,) = result.pieces
    assert piece.rate_sent < 0.5 * piece.due / piece.seconds
    waited = found["latency"] - found["service"] - found["lag"]
    assert np.nanmedian(waited) > 0.5  # of no fault of the meter's own: its users were all busy
    (why,) = said(meter)
    assert "the rate was not reached" in why
    assert "more load-test.users" in why


@pytest.mark.parametrize("processes", [1, 2])
def test_a_meter_at_the_end_of_its_core_says_so(meter: "Meter", known: "Callable[..., Known]", processes: int) -> None:
    server = known(delays="quick")
    _, result = meter.run(server.url, users=16, rate_per_second=20_000, duration_seconds=2, processes=processes)
    shares = [one.cpu_share or 0 for one in result.meters]
    least = max(shares) / 2  # what it had of its core, beside the server and whatever else runs
    (piece,) = result.pieces
    assert piece.rate_sent < 0.9 * piece.due / piece.seconds
    why = said(meter, cpu_share_max=least)
    assert any("a process of the meter took" in one for one in why)
    assert any("the rate was not reached" in one for one in why)


def test_too_few_requests_can_be_counted(meter: "Meter", site: "Site") -> None:
    _, result = meter.run(site.url, rate_per_second=3)
    assert result.pieces[0].answered == result.requests < 20
    (why,) = said(meter)
    assert "requests after the warm-up are too few" in why


@pytest.mark.parametrize("jump", [3.0, -3.0], ids=["forward", "back"])
def test_a_clock_that_jumps_is_told(meter: "Meter", site: "Site", jump: float) -> None:
    found, result = meter.run(site.url, script=JUMP.format(jump=jump, after=3.0), duration_seconds=5)
    assert result.clock_jump_seconds == pytest.approx(3, abs=0.1)
    assert found["latency"].max() < 2  # schedules and latencies follow a clock that nobody sets
    (why,) = said(meter, rate_reached_min=0.9)
    assert "the clock jumped by 3 s" in why


def test_a_worker_that_was_killed_is_missing(meter: "Meter", site: "Site") -> None:
    process = meter.start(site.url, processes=2, duration_seconds=4)
    wait_for(lambda: len(site.bodies) > 20)
    psutil.Process(process.pid).children()[0].kill()
    process.communicate(timeout=60)
    why = said(meter)
    assert "the meter lost 1 of its 2 processes" in why[0]


def test_how_far_it_is_can_be_followed_while_it_runs(meter: "Meter", site: "Site") -> None:
    seen = list[Progress]()

    def look() -> bool:
        try:
            found = msgspec.json.decode((meter.output / PROGRESS).read_bytes(), type=Progress)
        except OSError:
            return False
        if found not in seen:
            seen.append(found)
        return len(seen) == 3

    site.behave = lambda number: (200, None) if number % 10 else (500, b"no")
    process = meter.start(site.url, duration_seconds=4, users=16)
    wait_for(look)
    assert process.communicate(timeout=60)[1] == ""
    assert 0 < seen[0].elapsed < seen[1].elapsed < seen[2].elapsed
    assert all(one.total == 4 and one.rate_asked == 100 for one in seen)
    assert all(one.rate_reached > 0 for one in seen)
    assert seen[0].errors <= seen[1].errors <= seen[2].errors < 100
    assert all(0 < (one.p50_ms or 0) <= (one.p99_ms or 0) for one in seen)
    assert not (meter.output / PROGRESS).exists()
