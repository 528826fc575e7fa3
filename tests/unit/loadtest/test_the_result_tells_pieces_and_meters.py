"""Each piece by itself: what was due in it, what left in time, what came back; and who measured."""

from pathlib import Path

import numpy as np
import pytest

from mlagent.loadtest import result, samples
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.result import MeterHealth

REQUEST = Request(
    targets=(Target(name="candidate", url=""),),
    pieces=(
        Piece(seconds=1, rate_per_second=4, kept=False, label="warm-up"),
        Piece(seconds=2, rate_per_second=2, label="base"),
    ),
    users=1, golden="", tolerance=0, timeout_seconds=3, seed=1, output="",
)  # fmt: skip


def rows() -> samples.Samples:
    found = np.zeros(8, samples.DTYPE)
    found["intended"] = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5]
    found["piece"] = [0] * 4 + [1] * 4
    found["status"], found["service"], found["latency"] = 200, 0.1, 0.1
    return found


def test_a_piece_counts_what_was_due_in_it_by_what_became_of_it() -> None:
    seen = rows()
    seen["status"][5], seen["status"][6:] = 500, 0
    seen["service"][7] = np.nan
    first, second = result.summarise(REQUEST, seen, None, "2").pieces
    assert (first.label, first.kept, first.due, first.sent, first.answered) == ("warm-up", False, 4, 4, 4)
    assert (second.label, second.kept, second.due, second.sent, second.answered) == ("base", True, 4, 3, 1)
    assert (second.seconds, second.rate_asked, second.rate_sent) == (2, 2, 1.5)


def test_what_left_after_its_piece_was_over_did_not_make_its_rate() -> None:
    seen = rows()
    seen["latency"][2:4] = 0.9  # sent 0.8 s late: into the next piece
    first, second = result.summarise(REQUEST, seen, None, "2").pieces
    assert (first.sent, first.rate_sent) == (4, 2)
    assert second.rate_sent == 2


def test_a_moment_of_rounding_at_the_end_is_no_delay() -> None:
    seen = rows()
    seen["intended"][3], seen["latency"][3] = 0.9999, 0.104
    assert result.summarise(REQUEST, seen, None, "2").pieces[0].rate_sent == 4


def test_rates_are_means_over_all_pieces() -> None:
    found = result.summarise(REQUEST, rows(), None, "2")
    assert found.rate_asked == pytest.approx(8 / 3)
    assert found.rate_answered == pytest.approx(8 / 3)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    meters = [
        MeterHealth(worker=0, host="a", cpu_share=0.5, cpu_share_max=0.75),
        MeterHealth(worker=1, host="b", cpu_share=None, cpu_share_max=None, lost=True),
    ]
    found = result.summarise(REQUEST, rows(), None, "2", meters=meters, clock_jump_seconds=0.5)
    result.write(tmp_path / "result.json", found)
    assert result.read(tmp_path / "result.json") == found
    assert (found.meters, found.clock_jump_seconds) == (tuple(meters), 0.5)
