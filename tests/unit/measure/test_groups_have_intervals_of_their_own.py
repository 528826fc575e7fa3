"""A group's figures come with intervals, as wide as its rows allow, from the same resamples as the gaps."""

import math

import numpy as np
import pytest

from mlagent.measure.fairness import fairness
from mlagent.measure.metrics import Task

RANDOM = np.random.default_rng(1)
SURE = RANDOM.uniform(0, 1, 3000)
TRUE = (RANDOM.uniform(size=3000) < SURE).astype(float)
GROUPS = np.where(np.arange(3000) < 400, "few", "many")


def test_an_interval_of_a_rate_is_as_wide_as_theory_says() -> None:
    found = fairness("binary", SURE, TRUE, GROUPS, threshold=0.7)
    for group in found.groups:
        rate, one = group.figures["selection_rate"], group.intervals["selection_rate"]
        width = 2 * 1.96 * math.sqrt(rate * (1 - rate) / group.rows)
        assert one.low < rate < one.high
        assert one.high - one.low == pytest.approx(width, rel=0.12)


@pytest.mark.parametrize(
    ("task", "names"), [("binary", {"selection_rate", "tpr", "fpr", "accuracy"}), ("regression", {"bias", "mae"})]
)
def test_what_is_compared_has_one(task: Task, names: set[str]) -> None:
    found = fairness(task, SURE, TRUE, GROUPS, resamples=50)
    assert {frozenset(group.intervals) for group in found.groups} == {frozenset(names)}
    assert all(one.value == group.figures[name] for group in found.groups for name, one in group.intervals.items())


def test_a_figure_that_is_not_known_has_none() -> None:
    nobody = np.where(GROUPS == "few", 0.0, TRUE)
    found = fairness("binary", SURE, nobody, GROUPS, resamples=50)
    few = next(one for one in found.groups if one.name == "few")
    assert math.isnan(few.intervals["tpr"].low)
    assert math.isfinite(few.intervals["fpr"].low)
