"""A line redrawn on a terminal, one every ten seconds elsewhere; each tells what was asked and what came."""

from pathlib import Path

import pytest

from mlagent.loadtest import progress
from mlagent.loadtest.progress import Follower, Gauge, Progress
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.tally import Tally

REQUEST = Request(
    targets=(Target(name="candidate", url=""),),
    pieces=(Piece(seconds=10, rate_per_second=100), Piece(seconds=20, rate_per_second=300)),
    users=1, golden="", tolerance=0, timeout_seconds=2, seed=1, output="",
)  # fmt: skip


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.drawn, self.lines = list[tuple[object, ...]](), list[tuple[object, ...]]()

    def underway(self, event: str, done: float, of: int, **fields: object) -> None:
        self.drawn.append((event, done, of, fields))

    def progress(self, event: str, done: int, of: int, **fields: object) -> None:
        self.lines.append((event, done, of, fields))

    def info(self, event: str, **fields: object) -> None:
        raise AssertionError(event, fields)

    warning = info

    def output(self, line: str) -> None:
        raise AssertionError(line)


def so_far(elapsed: float) -> Progress:
    return Progress(
        elapsed=elapsed, total=30, rate_asked=300, rate_reached=298.7, p50_ms=1.234567, p99_ms=None, errors=2
    )


def test_the_gauge_tells_the_rate_of_the_piece_and_what_came_since_last_time() -> None:
    gauge, tally = Gauge(REQUEST), Tally()
    for _ in range(90):
        tally.add(0.010, failed=False)
    first = gauge(1.0, tally)
    assert (first.elapsed, first.total, first.rate_asked, first.errors) == (1.0, 30, 100, 0)
    assert first.rate_reached == pytest.approx(90)
    assert first.p50_ms == pytest.approx(10, rel=0.021)
    for _ in range(100):
        tally.add(0.100, failed=True)
    later = gauge(11.0, tally)
    assert later.rate_reached == pytest.approx(10)
    assert (later.rate_asked, later.errors) == (300, 100)
    assert later.p99_ms == pytest.approx(100, rel=0.021)


def test_before_the_first_answer_and_after_the_last_piece_there_is_something_to_tell() -> None:
    assert Gauge(REQUEST)(1.0, Tally()).p50_ms is None
    found = Gauge(REQUEST)(31.0, Tally())
    assert (found.elapsed, found.rate_asked) == (30, 300)


def test_each_news_is_drawn_and_every_ten_seconds_one_is_a_line(tmp_path: Path) -> None:
    log, now = Log(), [100.0]
    follow = Follower(log, tmp_path, lambda: now[0])
    follow()
    for second in range(1, 25):
        now[0] += 1
        progress.replace(tmp_path, so_far(second))
        follow()
        follow()
    assert [one[1] for one in log.lines] == [10, 20]
    assert len(log.drawn) == 22
    said = {"asked": "300/s", "reached": "299/s", "p50": "1.23 ms", "p99": "-", "errors": 2}
    assert log.lines[0] == ("seconds of load", 10, 30, said)
    assert log.drawn[0] == ("seconds of load", 1, 30, said)


def test_a_load_that_is_over_is_followed_no_more(tmp_path: Path) -> None:
    log = Log()
    follow = Follower(log, tmp_path)
    progress.replace(tmp_path, so_far(1))
    follow()
    (tmp_path / progress.PROGRESS).unlink()
    follow()
    assert len(log.drawn) == 1
    assert list(tmp_path.iterdir()) == []
