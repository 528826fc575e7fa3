"""Gaps between groups are fairlearn's; what cannot be judged is named, and never a pass."""

import math
from typing import Any

import fairlearn.metrics as reference
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlagent.measure.fairness import Fairness, fairness
from mlagent.measure.metrics import Task

REFERENCES = {
    "demographic_parity_difference": reference.demographic_parity_difference,
    "demographic_parity_ratio": reference.demographic_parity_ratio,
    "equal_opportunity_difference": reference.equal_opportunity_difference,
    "equal_opportunity_ratio": reference.equal_opportunity_ratio,
    "fpr_difference": reference.false_positive_rate_difference,
    "fpr_ratio": reference.false_positive_rate_ratio,
    "equalized_odds_difference": reference.equalized_odds_difference,
}


def of(task: Task, said: Any, true: Any, groups: Any, **options: Any) -> Fairness:
    options = {"resamples": 50, "group_min": 1, "label_min": 1, **options}
    return fairness(task, np.asarray(said, float), np.asarray(true), np.asarray(groups), **options)


@settings(deadline=None)
@given(st.integers(20, 200), st.integers(0, 10**6), st.integers(2, 4))
def test_every_gap_is_fairlearns(rows: int, seed: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    said, true, group = random.random(rows), random.integers(0, 2, rows), random.integers(0, groups, rows)
    assume(len(np.unique(true * groups + group)) == 2 * groups)
    found = of("binary", said, true, group, threshold=0.3, resamples=2).gaps
    for name, theirs in REFERENCES.items():
        if name.endswith("_ratio") and math.isnan(found[name].value):
            continue  # all rates 0: there is no ratio
        assert found[name].value == pytest.approx(theirs(true, said >= 0.3, sensitive_features=group), abs=1e-12), name


def test_each_groups_figures_are_counted() -> None:
    found = of("binary", [0.9, 0.8, 0.1, 0.2, 0.9, 0.1], [1, 0, 1, 0, 1, 0], list("aaaabb"))
    one, other = found.groups
    assert (one.name, one.rows, other.name, other.rows) == ("a", 4, "b", 2)
    assert one.figures == {
        **dict.fromkeys(("positives", "negatives", "selected"), 2),
        **dict.fromkeys(("selection_rate", "tpr", "fpr", "precision", "accuracy"), 0.5),
    }
    assert other.figures["accuracy"] == 1
    assert found.gaps["accuracy_difference"].value == 0.5


def test_a_group_too_small_is_named_and_left_out_of_the_gaps() -> None:
    said, true = np.tile([0.9, 0.1], 105), np.tile([1, 1, 0, 0], 53)[:210]
    said[200:] = 0.9
    found = of("binary", said, true, np.repeat(["a", "b", "tiny"], [100, 100, 10]), group_min=50)
    assert [(one.group, one.figure, one.reason) for one in found.undecided] == [
        ("tiny", figure, "10 rows, 50 are needed") for figure in ("selection_rate", "tpr", "fpr", "accuracy")
    ]
    assert found.gaps["demographic_parity_difference"].value == 0
    assert [one.name for one in found.groups] == ["a", "b", "tiny"]


@pytest.mark.parametrize("positives", [0, 4])
def test_a_group_with_no_or_too_few_positive_labels_is_undecided_in_what_is_about_them(positives: int) -> None:
    true = np.concatenate([np.tile([0, 1], 50), np.arange(100) < positives])
    said = np.tile([0.9, 0.9, 0.1, 0.1], 50)
    found = of("binary", said, true, np.repeat([1, 2], 100), label_min=5)
    assert [(one.group, one.figure, one.reason) for one in found.undecided] == [
        ("2", "tpr", f"{positives} positives, 5 are needed"),
    ]
    nan = {name for name, gap in found.gaps.items() if math.isnan(gap.value)}
    assert nan == {"equal_opportunity_difference", "equal_opportunity_ratio", "equalized_odds_difference"}


def test_where_nobody_is_selected_nothing_is_known_of_parity() -> None:
    said, true, group = np.full(80, 0.1), np.tile([0, 1], 40), np.repeat([0, 1], 40)
    found = of("binary", said, true, group).gaps
    assert reference.demographic_parity_difference(true, said >= 0.5, sensitive_features=group) == 0
    assert all(math.isnan(found[name].value) for name in REFERENCES)
    assert found["accuracy_difference"].value == 0


def test_nobody_selected_among_those_who_are_judged_counts_as_nobody() -> None:
    said = np.append(np.full(80, 0.1), 0.9)
    found = of("binary", said, np.append(np.tile([0, 1], 40), 1), np.append(np.repeat([0, 1], 40), 2), group_min=20)
    assert math.isnan(found.gaps["demographic_parity_difference"].value)


def test_a_single_group_has_no_gap() -> None:
    found = of("binary", [0.9, 0.1], [1, 0], [7, 7])
    assert all(math.isnan(gap.value) for gap in found.gaps.values())


def test_a_prediction_that_is_no_number_leaves_no_gap() -> None:
    found = of("binary", [0.9, 0.1, np.nan, 0.7], [1, 0, 1, 0], list("aabb"))
    assert all(math.isnan(gap.value) for gap in found.gaps.values())
    assert found.groups[0].figures["accuracy"] == 1
    assert math.isnan(found.groups[1].figures["accuracy"])


def test_other_tasks_compare_accuracy_or_errors() -> None:
    several = of("multiclass", np.eye(3)[[0, 1, 2, 2]], [0, 1, 1, 2], list("aabb"))
    assert {name: gap.value for name, gap in several.gaps.items()} == {"accuracy_difference": 0.5}
    numbers = of("regression", [1, 2, 5, 5], [1, 1, 6, 8], list("aabb"))
    assert {name: gap.value for name, gap in numbers.gaps.items()} == {"bias_difference": 2.5, "mae_difference": 1.5}
    assert of("count", [1, 2], [1, 1], ["a", "b"]).gaps["bias_difference"].value == 1


def test_what_is_not_a_task_or_does_not_fit_is_refused() -> None:
    task: Any = "ranking"
    with pytest.raises(ValueError, match="no such task"):
        of(task, [0.1], [1], ["a"])
    with pytest.raises(ValueError, match="sensitive attribute"):
        of("binary", [0.1, 0.2], [1, 0], ["a"])


def test_a_gap_of_groups_alike_lies_above_nothing() -> None:
    random = np.random.default_rng(1)
    found = of("binary", random.random(4000), random.integers(0, 2, 4000), random.integers(0, 4, 4000), resamples=200)
    gap = found.gaps["demographic_parity_difference"]
    assert 0 < gap.low < gap.value < gap.high < 0.15
