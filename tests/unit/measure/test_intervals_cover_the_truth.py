"""Intervals are scipy's percentile bootstrap, cover the truth as often as they say, and need little memory."""

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from scipy.stats import bootstrap as scipys

from mlagent.measure.bootstrap import Interval, interval, intervals
from mlagent.measure.fairness import fairness
from mlagent.measure.resample import blocks

COVERED = ("roc_auc", "pr_auc", "log_loss", "accuracy", "f1", "brier", "precision", "recall", "mcc")


def population(rows: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A model, a worse one, the target, and a group that is selected more often, all (rows,)."""
    signal = random.normal(size=rows)
    good, worse = (1 / (1 + np.exp(0.5 - 1.5 * one)) for one in (signal, signal + random.normal(size=rows) / 2))
    target = (random.random(rows) < good).astype(int)
    return good, worse, target, (random.random(rows) < 1 / (1 + np.exp(-signal))).astype(int)


def figures(rows: int, random: np.random.Generator, seed: int, resamples: int) -> dict[str, Interval]:
    good, worse, target, group = population(rows, random)
    found = intervals("binary", {"good": good, "worse": worse}, target, resamples=resamples, seed=seed)
    gaps = fairness("binary", good, target, group, resamples=resamples, seed=seed, group_min=20).gaps
    return {
        **{name: found.metrics["good"][name] for name in COVERED},
        "paired log_loss": found.paired("worse", "good", "log_loss"),
        "demographic_parity_difference": gaps["demographic_parity_difference"],
    }


def coverage(repetitions: int, resamples: int) -> dict[str, float]:
    truth = figures(2_000_000, np.random.default_rng(1), 1, 1)
    random, hits = np.random.default_rng(2), Counter[str]()
    for seed in range(repetitions):
        for name, one in figures(400, random, seed, resamples).items():
            hits[name] += one.low <= truth[name].value <= one.high
    return {name: hits[name] / repetitions for name in truth}


def test_nine_and_a_half_of_ten_intervals_cover_the_truth_in_two_hundred() -> None:
    found = coverage(200, 400)
    assert all(0.90 <= share <= 0.99 for share in found.values()), found


@pytest.mark.long
def test_nine_and_a_half_of_ten_intervals_cover_the_truth_in_two_thousand() -> None:
    found = coverage(2000, 1000)
    print(found)  # noqa: T201 - the figures are what it is for
    assert all(0.93 <= share <= 0.97 for share in found.values()), found


def test_an_interval_is_scipys_within_the_noise_of_resampling() -> None:
    random = np.random.default_rng(1)
    said, true = random.normal(size=80), random.normal(size=80)
    ours = intervals("regression", {"m": said}, true, resamples=20_000).metrics["m"]["mae"]
    theirs = scipys((np.abs(said - true),), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    wide = theirs.high - theirs.low
    assert ours.value == pytest.approx(np.abs(said - true).mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03 * wide)


def test_a_ranked_metrics_interval_is_scipys_too() -> None:
    good, _, target, _ = population(120, np.random.default_rng(4))
    ours = intervals("binary", {"m": good}, target, resamples=5000).metrics["m"]["roc_auc"]

    def auc(p: np.ndarray, y: np.ndarray) -> float:
        ranks = np.argsort(np.argsort(p, kind="stable"))  # noise breaks the ties that drawing a row twice makes
        return float(ranks[y == 1].mean() - ranks[y == 0].mean()) / len(y) + 0.5

    theirs = scipys((good, target), auc, paired=True, vectorized=False, n_resamples=5000, method="percentile", rng=2)
    low, high = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.06 * (high - low))


def test_a_seed_gives_the_same_and_models_are_compared_on_the_same_draws() -> None:
    good, worse, target, _ = population(500, np.random.default_rng(1))
    one, same, other = (
        intervals("binary", {"a": good, "b": worse, "twin": good}, target, resamples=100, seed=seed)
        for seed in (1, 1, 2)
    )
    assert one.metrics == same.metrics
    assert one.metrics["a"]["roc_auc"].low != other.metrics["a"]["roc_auc"].low
    assert one.paired("twin", "a", "roc_auc") == Interval(0, 0, 0)
    apart, alone = one.paired("b", "a", "log_loss"), one.metrics["a"]["log_loss"]
    assert 0 < apart.low < apart.value < apart.high
    assert apart.high - apart.low < alone.high - alone.low


def test_each_model_says_yes_from_its_own_threshold_on() -> None:
    good, _, target, _ = population(500, np.random.default_rng(1))
    found = intervals("binary", {"a": good, "b": good}, target, thresholds={"a": 0.9}, resamples=10).metrics
    assert found["a"]["selection_rate"].value == (good >= 0.9).mean()
    assert found["b"]["selection_rate"].value == (good >= 0.5).mean()


def test_a_rare_class_that_resamples_miss_leaves_no_interval_but_their_number() -> None:
    target = np.zeros(100, int)
    target[:2] = 1  # missing from e ** -2 of the resamples
    found = intervals("binary", {"m": np.linspace(1, 0, 100)}, target).metrics["m"]["roc_auc"]
    assert found.value == 1
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.undefined == pytest.approx(1000 * math.exp(-2), abs=50)


def test_up_to_one_resample_in_a_hundred_may_be_undefined() -> None:
    draws = np.arange(1000.0)
    draws[:10] = np.nan
    assert interval(1, draws, 0.9).undefined == 10
    assert interval(1, draws, 0.9).low == pytest.approx(10 + 0.05 * 989)
    draws[10] = np.nan
    assert math.isnan(interval(1, draws, 0.9).low)


def test_a_metric_of_all_rows_that_is_no_number_has_no_interval() -> None:
    found = interval(math.nan, np.arange(1000.0), 0.95)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_every_draw_is_of_as_many_rows_as_there_are_and_blocks_do_not_show() -> None:
    drawn = np.concatenate(list(blocks(300_000, 7, seed=1)))
    assert (drawn.sum(axis=1) == 300_000).all()
    assert drawn.mean(axis=0).var() == pytest.approx(1 / 7, rel=0.02)


def test_memory_stays_bounded_whatever_the_number_of_resamples() -> None:
    good, _, target, _ = population(50_000, np.random.default_rng(1))
    peaks = []
    for resamples in (40, 160):
        tracemalloc.start()
        intervals("binary", {"m": good}, target, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 150e6
