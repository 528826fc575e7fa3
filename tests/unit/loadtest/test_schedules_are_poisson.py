"""Arrivals come at random moments that nothing later can move."""

import numpy as np
import pytest
from scipy import stats

from mlagent.loadtest.schedule import arrivals


def test_gaps_of_all_users_together_are_exponential_with_the_total_rate() -> None:
    gaps = np.diff(np.sort(np.concatenate(arrivals(users=8, rate_per_second=200, seconds=100, seed=1))))
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.03)
    assert gaps.var() == pytest.approx(1 / 200**2, rel=0.1)
    assert stats.kstest(gaps, stats.expon(scale=1 / 200).cdf).pvalue > 0.01


def test_gaps_of_one_user_are_exponential_with_its_share_of_the_rate() -> None:
    gaps = np.diff(arrivals(users=8, rate_per_second=200, seconds=200, seed=2)[3])
    assert stats.kstest(gaps, stats.expon(scale=8 / 200).cdf).pvalue > 0.01


def test_counts_per_second_scatter_as_much_as_their_mean() -> None:
    moments = np.concatenate(arrivals(users=5, rate_per_second=50, seconds=400, seed=3))
    counts = np.bincount(moments.astype(int), minlength=400)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.25)


def test_moments_ascend_within_the_time_and_users_differ() -> None:
    schedule = arrivals(users=3, rate_per_second=300, seconds=2.5, seed=0)
    for moments in schedule:
        assert (np.diff(moments) > 0).all()
        assert moments[0] >= 0
        assert 2.3 < moments[-1] < 2.5
    assert len({moments[0] for moments in schedule}) == 3


def test_a_seed_fixes_the_schedule_and_a_longer_one_begins_with_the_shorter() -> None:
    short = arrivals(users=2, rate_per_second=40, seconds=3, seed=7)
    again = arrivals(users=2, rate_per_second=40, seconds=3, seed=7)
    longer = arrivals(users=2, rate_per_second=40, seconds=60, seed=7)
    other = arrivals(users=2, rate_per_second=40, seconds=3, seed=8)
    for user in (0, 1):
        assert np.array_equal(short[user], again[user])
        assert np.allclose(short[user], longer[user][: len(short[user])])
        assert short[user][0] != other[user][0]


def test_nobody_asks_where_the_time_is_too_short() -> None:
    assert [len(moments) for moments in arrivals(users=4, rate_per_second=1e-6, seconds=1, seed=1)] == [0] * 4
