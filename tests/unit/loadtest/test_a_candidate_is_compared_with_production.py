"""The ratio of percentiles on the same machine in turns: right where both are the same, and where one is slower."""

import numpy as np
import pytest
from scipy import stats

from mlagent.core.verdict import Check
from mlagent.loadtest import samples
from mlagent.loadtest.comparison import _student, compare, ratio
from mlagent.loadtest.pieces import Shape, pieces
from mlagent.loadtest.request import Piece

SHAPE = Shape(
    rate=150, warmup_seconds=1, duration_seconds=10, soak_minutes=1, step_count=2, spike_factor=2, champion_rounds=10
)
COURSE = pieces("steady", SHAPE, beside=True)


def turns(seed: int, slower: float = 1.0, *, noisy: float = 0.0) -> samples.Samples:
    """Both answer in times of one law; `noisy` is by how much the machine differs from round to round."""
    random, parts, begin = np.random.default_rng(seed), [], 0.0
    machine = np.exp(random.normal(scale=noisy, size=100))
    rounds = [0, 0]
    for number, piece in enumerate(COURSE):
        count = random.poisson(piece.seconds * piece.rate_per_second)
        rows = np.zeros(count, samples.DTYPE)
        rows["intended"], rows["status"], rows["piece"] = begin + np.sort(random.random(count)), 200, number
        times = random.gamma(4, 0.001, size=count) * (slower if piece.target == 0 else 1.0)
        rows["latency"] = rows["service"] = times * machine[rounds[piece.target]]
        rounds[piece.target] += piece.kept
        parts.append(rows)
        begin += piece.seconds
    return np.concatenate(parts)


def judged(found: samples.Samples, most: float = 1.5) -> list[Check]:
    return list(compare(found, COURSE, most, timeout_seconds=5))


def test_an_equal_one_passes_and_a_slow_one_fails() -> None:
    assert [one.outcome for one in judged(turns(1))] == ["pass", "pass"]
    slow, middle = judged(turns(1, slower=3))
    assert (slow.metric, slow.outcome) == ("p99 against production", "fail")
    assert (middle.metric, middle.outcome) == ("p50 against production", "warn")
    assert slow.interval is not None
    assert slow.interval[0] <= 3 <= slow.interval[1]


def test_a_ratio_that_is_not_resolved_is_not_decided() -> None:
    one = judged(turns(2), 1.0)[0]
    assert one.outcome == "inconclusive"
    assert "is not resolved" in one.reason
    assert "(10 rounds): a greater load-test.duration_seconds decides" in one.reason


def test_a_noisy_machine_does_not_fail_an_equal_one() -> None:
    outcomes = [judged(turns(seed, noisy=1.0))[0].outcome for seed in range(20)]
    assert outcomes.count("fail") == 0
    assert outcomes.count("pass") > 10


@pytest.mark.parametrize("slower", [1.0, 1.3])
def test_the_interval_covers_the_ratio(slower: float) -> None:
    course = [(at, other) for at, other in zip(_numbers(0), _numbers(1), strict=True)]
    found = [ratio(turns(seed, slower, noisy=0.3), course, 0.99, 5) for seed in range(80)]
    covered = [one.low <= slower <= one.high for one in found if one]
    assert len(covered) == 80
    assert np.mean(covered) >= 0.9


def _numbers(target: int) -> list[int]:
    return [at for at, one in enumerate(COURSE) if one.kept and one.target == target]


def test_the_same_samples_give_the_same_interval() -> None:
    assert judged(turns(3)) == judged(turns(3))


def test_without_production_nothing_is_compared() -> None:
    assert compare(turns(1), [Piece(seconds=1, rate_per_second=1)], 1.5, timeout_seconds=5) == []


def test_rounds_without_requests_are_no_comparison() -> None:
    one = judged(turns(1)[:5])[0]
    assert (one.outcome, one.value) == ("inconclusive", None)


def test_failures_count_with_the_whole_time_out() -> None:
    found = turns(1)
    found["status"][np.isin(found["piece"], _numbers(0))] = 500
    assert judged(found)[0].outcome == "fail"


@pytest.mark.parametrize("freedom", [3, 5, 9, 19, 99])
def test_few_rounds_are_paid_for(freedom: int) -> None:
    assert _student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.02)
