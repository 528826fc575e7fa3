"""Intervals of quantiles are exact for independent samples, and wider where samples depend on each other."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlagent.loadtest.quantiles import BLOCKS, dependence, estimate, least, needed, ranks

SHARES = st.sampled_from([0.5, 0.9, 0.95, 0.99, 0.999])


@given(st.integers(1, 20_000), SHARES)
def test_ends_are_the_innermost_that_are_sure(count: int, share: float) -> None:
    law = stats.binom(count, share)
    low, high = ranks(count, share)
    if low is None:
        assert law.cdf(0) > 0.025
    else:
        assert law.cdf(low) <= 0.025 * (1 + 1e-9) < law.cdf(low + 1) * (1 + 2e-9)
    if high is None:
        assert law.cdf(count - 1) < 0.975
    else:
        assert law.cdf(high) >= 0.975 * (1 - 1e-9) > law.cdf(high - 1) * (1 - 2e-9)


def test_very_many_samples_are_as_exact() -> None:
    low, high = ranks(50_000_000, 0.99)
    law = stats.binom(50_000_000, 0.99)
    assert (low, high) == (int(law.ppf(0.025)) - 1, int(law.ppf(0.975)))


@pytest.mark.parametrize(("share", "two", "one"), [(0.99, 368, 299), (0.95, 72, 59), (0.5, 6, 5), (0.999, 3688, 2995)])
def test_the_least_number_of_samples_is_known(share: float, two: int, one: int) -> None:
    assert (least(share), least(share, two_sided=False)) == (two, one)
    assert ranks(two, share)[1] is not None
    assert ranks(two - 1, share)[1] is None


def test_without_an_upper_end_the_highest_stands_for_it_and_says_how_sure_that_is() -> None:
    values = np.arange(100.0)
    found = estimate(np.arange(100.0), values[np.random.default_rng(1).permutation(100)], 0.99)
    assert found is not None
    assert (found.high, found.value) == (99.0, 99.0)
    assert found.sure == pytest.approx(1 - 0.99 ** math.floor(found.worth))
    assert estimate(np.empty(0), np.empty(0), 0.99) is None


def _coverage(series: int, phi: float, share: float) -> tuple[float, float]:
    """How often the interval holds the quantile of an autoregressive series, and its naive one."""
    random, count, hits, naive = np.random.default_rng(7), 4000, 0, 0
    truth = float(stats.norm.ppf(share)) / math.sqrt(1 - phi**2)
    for _ in range(series):
        noise = random.normal(size=count + 200)
        values = np.empty_like(noise)
        values[0] = noise[0]
        for at in range(1, len(noise)):
            values[at] = phi * values[at - 1] + noise[at]
        values = values[200:]
        found = estimate(np.arange(count) / 100, values, share)
        assert found is not None
        hits += found.low <= truth <= found.high
        low, high = ranks(count, share)
        assert low is not None
        assert high is not None
        ordered = np.sort(values)
        naive += ordered[low] <= truth <= ordered[high]
    return hits / series, naive / series


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_the_interval_covers_where_samples_depend_on_each_other(share: float) -> None:
    covered, naive = _coverage(150, 0.9, share)
    assert covered >= 0.92
    assert naive < covered - 0.1


def test_the_interval_covers_where_they_do_not() -> None:
    covered, _ = _coverage(150, 0.0, 0.99)
    assert covered >= 0.93


def test_independent_samples_are_worth_almost_all_and_a_stall_takes_most_away() -> None:
    random = np.random.default_rng(3)
    moments, calm = np.arange(2000) / 100, random.exponential(size=2000)
    found = estimate(moments, calm, 0.99)
    stalled = np.where((moments >= 5) & (moments < 5.4), 50.0, calm)
    bad = estimate(moments, stalled, 0.99)
    assert found is not None
    assert bad is not None
    assert found.worth > 800
    assert bad.worth < 250


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), SHARES)
def test_ends_are_values_that_were_seen_around_the_quantile(values: list[float], share: float) -> None:
    found = estimate(np.arange(len(values), dtype=np.float64), np.asarray(values), share)
    assert found is not None
    assert found.low <= found.value <= found.high
    assert {found.low, found.value, found.high} <= set(values)
    assert 1 / 300 < found.worth <= len(values)


@given(st.lists(st.booleans(), min_size=0, max_size=500))
def test_samples_never_count_for_more_than_themselves(beyond: list[bool]) -> None:
    assert dependence(np.arange(len(beyond), dtype=np.float64), np.asarray(beyond, dtype=bool)) >= 1


def test_the_order_in_which_samples_stand_says_nothing_their_moments_do() -> None:
    random = np.random.default_rng(5)
    moments = np.arange(1000.0)
    beyond = moments < 1000 / BLOCKS
    mixed = random.permutation(1000)
    assert dependence(moments[mixed], beyond[mixed]) == dependence(moments, beyond) > 20


def test_the_nearer_the_limit_the_more_requests_it_takes() -> None:
    random = np.random.default_rng(2)
    values, moments = random.exponential(size=4000), np.arange(4000) / 100
    quantile = float(np.percentile(values, 99))
    far = [needed(moments, values, 0.99, quantile * factor) for factor in (2.0, 1.5, 1.2, 1.05)]
    assert all(before <= after for before, after in pairwise(far))
    assert far[0] >= 368
    assert math.isinf(needed(np.arange(100.0), np.arange(100.0), 0.99, 98.0))
