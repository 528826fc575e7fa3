"""The exact interval of a share, against SciPy's."""

import itertools
import time

import pytest
from scipy.stats import binom, binomtest

from mlagent.measure.binomial import interval, tail

COUNTS = [
    *((hits, 20) for hits in range(21)),
    *((0, 1), (1, 1), (3, 7), (1, 100), (100, 10_000), (12, 1_000_000), (999_990, 1_000_000), (500_000, 1_000_000)),
]


@pytest.mark.parametrize(("counted", "confidence"), list(itertools.product(COUNTS, (0.9, 0.95, 0.999))))
def test_it_is_the_interval_that_scipy_gives(counted: tuple[int, int], confidence: float) -> None:
    wanted = binomtest(*counted).proportion_ci(confidence, method="exact")
    assert interval(*counted, confidence) == pytest.approx((wanted.low, wanted.high), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("share", [1e-9, 1e-4, 0.01, 0.3, 0.5, 0.99])
def test_the_tail_is_the_one_that_scipy_gives(share: float) -> None:
    for hits, trials in COUNTS:
        assert tail(hits, trials, share) == pytest.approx(binom.sf(hits - 1, trials, share), rel=1e-7, abs=1e-12)


def test_nothing_counted_says_nothing() -> None:
    assert interval(0, 0, 0.95) == (0.0, 1.0)


def test_certain_shares_leave_no_doubt() -> None:
    assert [tail(3, 5, share) for share in (0.0, 1.0)] == [0.0, 1.0]
    assert [tail(hits, 5, 0.5) for hits in (0, 6)] == [1.0, 0.0]


def test_more_hits_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="6 of 5 is no share"):
        interval(6, 5, 0.95)


def test_a_day_of_traffic_is_judged_at_once() -> None:
    began = time.perf_counter()
    low, high = interval(8_640_000, 864_000_000, 0.999)
    assert low < 0.01 < high < 0.01002
    assert time.perf_counter() - began < 10  # one after another they take minutes
