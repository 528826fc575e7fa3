"""What the master knows of its workers: who is gone, and what of theirs never came."""

import msgspec
import numpy as np
import pytest

from mlagent.loadtest import wire
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.roll import Member
from mlagent.loadtest.samples import DTYPE

MOMENTS = [np.array([0.5, 1.5]), np.array([0.25])]
REQUEST = Request(
    targets=(Target(name="candidate", url=""),),
    pieces=(Piece(seconds=1, rate_per_second=2), Piece(seconds=1, rate_per_second=1)),
    users=2, golden="", tolerance=0, timeout_seconds=3, seed=1, output="",
)  # fmt: skip


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr("mlagent.loadtest.roll.time.monotonic", lambda: moment[0])
    return moment


def member(running: list[bool] | None = None) -> Member:
    one = Member(3, "client", "host", lambda: (running or [True])[0])
    one.moments = MOMENTS
    return one


def reported(one: Member, rows: int) -> None:
    found = np.zeros(rows, DTYPE)
    found["status"], found["worker"] = 200, 0
    report = wire.Report(
        rows=found.tobytes(), first_wrong=None, cpu_share=0.25, cpu_share_max=0.5, clock_jump_seconds=0.0
    )
    for part in wire.chunks("report", msgspec.msgpack.encode(report)):
        one.inbox.put(part)


def test_one_that_reported_is_done_and_its_rows_bear_its_number(now: list[float]) -> None:
    one = member()
    assert not one.done
    reported(one, 3)
    now[0] += 1000
    assert (one.done, one.lost) == (True, False)
    assert one.samples(REQUEST)["worker"].tolist() == [3, 3, 3]
    assert msgspec.structs.astuple(one.health()) == (3, "host", 0.25, 0.5, False)


def test_one_whose_process_ended_is_lost_at_once_with_all_that_was_due(now: list[float]) -> None:
    running = [True]
    one = member(running)
    assert not one.done
    running[0] = False
    assert (one.done, one.lost) == (True, True)
    rows = one.samples(REQUEST)
    assert rows["intended"].tolist() == [0.25, 0.5, 1.5]
    assert rows["piece"].tolist() == [0, 0, 1]
    assert rows["latency"].tolist() == [4.75, 4.5, 3.5]
    assert set(rows["status"].tolist()) == {0}
    assert np.isnan(rows["service"]).all()
    assert msgspec.structs.astuple(one.health()) == (3, "host", None, None, True)


def test_one_that_ends_after_it_reported_is_not_lost(now: list[float]) -> None:
    running = [True]
    one = member(running)
    reported(one, 3)
    running[0] = False
    assert (one.done, one.lost) == (True, False)


def test_one_that_falls_silent_is_lost_after_a_while_and_stays_so(now: list[float]) -> None:
    one = member()
    now[0] += 9
    assert not one.done
    one.hear()
    now[0] += 9
    assert not one.done
    now[0] += 2
    assert (one.done, one.lost) == (True, True)
    reported(one, 3)
    assert one.health().lost
    assert one.report is None


def test_a_report_of_less_than_was_due_is_none(now: list[float]) -> None:
    one = member()
    reported(one, 2)
    assert one.report is None
