"""Arrivals come at random moments that nothing later can move."""

import numpy as np
import pytest
from scipy import stats

from mlagent.loadtest.request import Piece
from mlagent.loadtest.schedule import Seconds, arrivals


def steady(rate: float, seconds: float) -> list[Piece]:
    return [Piece(seconds=seconds, rate_per_second=rate)]


def together(users: int, pieces: list[Piece], seed: int) -> Seconds:
    return np.sort(np.concatenate(arrivals(users=users, pieces=pieces, seed=seed)))


def test_gaps_of_all_users_together_are_exponential_with_the_total_rate() -> None:
    gaps = np.diff(together(8, steady(200, 100), 1))
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.03)
    assert gaps.var() == pytest.approx(1 / 200**2, rel=0.1)
    assert stats.kstest(gaps, stats.expon(scale=1 / 200).cdf).pvalue > 0.01


def test_gaps_of_one_user_are_exponential_with_its_share_of_the_rate() -> None:
    gaps = np.diff(arrivals(users=8, pieces=steady(200, 200), seed=2)[3])
    assert stats.kstest(gaps, stats.expon(scale=8 / 200).cdf).pvalue > 0.01


def test_counts_per_second_scatter_as_much_as_their_mean() -> None:
    counts = np.bincount(together(5, steady(50, 400), 3).astype(int), minlength=400)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.25)


def test_moments_ascend_within_the_time_and_users_differ() -> None:
    schedule = arrivals(users=3, pieces=steady(300, 2.5), seed=0)
    for moments in schedule:
        assert (np.diff(moments) > 0).all()
        assert moments[0] >= 0
        assert 2.3 < moments[-1] < 2.5
    assert len({moments[0] for moments in schedule}) == 3


def test_a_seed_fixes_the_schedule_and_a_longer_one_begins_with_the_shorter() -> None:
    short, again, other = (arrivals(users=2, pieces=steady(40, 3), seed=seed) for seed in (7, 7, 8))
    longer = arrivals(users=2, pieces=[*steady(40, 3), *steady(7, 60)], seed=7)
    for user in (0, 1):
        assert np.array_equal(short[user], again[user])
        assert np.allclose(short[user], longer[user][: len(short[user])])
        assert short[user][0] != other[user][0]


def test_each_piece_has_its_own_rate_and_is_poisson_within() -> None:
    moments = together(4, [*steady(50, 40), *steady(400, 40), *steady(100, 40)], 6)
    for start, rate in ((0, 50), (40, 400), (80, 100)):
        gaps = np.diff(moments[(moments >= start) & (moments < start + 40)])
        assert 1 / gaps.mean() == pytest.approx(rate, rel=0.1)
        assert stats.kstest(gaps, stats.expon(scale=1 / rate).cdf).pvalue > 0.01


def test_nobody_asks_where_the_time_is_too_short() -> None:
    assert [len(moments) for moments in arrivals(users=4, pieces=steady(1e-6, 1), seed=1)] == [0] * 4
