"""A constant rate is one request after another at even distances, whoever asks; pieces have their bounds."""

import numpy as np
import pytest

from mlagent.loadtest.request import Piece
from mlagent.loadtest.schedule import arrivals, pieces_of

PIECES = [Piece(seconds=2, rate_per_second=10), Piece(seconds=1, rate_per_second=40)]


@pytest.mark.parametrize("users", [1, 3, 7])
def test_all_users_together_ask_at_even_distances_of_each_rate(users: int) -> None:
    moments = np.sort(np.concatenate(arrivals(users=users, pieces=PIECES, seed=0, kind="constant")))
    assert len(moments) == 60
    assert np.diff(moments[moments < 2]) == pytest.approx(0.1)
    assert np.diff(moments[moments >= 2]) == pytest.approx(0.025)


def test_users_take_turns() -> None:
    first, second = arrivals(users=2, pieces=PIECES[:1], seed=0, kind="constant")
    assert first == pytest.approx(np.arange(0.05, 2, 0.2))
    assert second == pytest.approx(np.arange(0.15, 2, 0.2))


def test_a_moment_belongs_to_the_piece_that_begins_with_it() -> None:
    assert pieces_of(np.array([0, 1.999, 2.0, 2.999]), PIECES).tolist() == [0, 0, 1, 1]
