"""Every limit, comparison, gap and slice becomes a check; what cannot be judged is inconclusive, and never a pass."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from mlagent.core.verdict import Check
from mlagent.measure import evaluation
from mlagent.measure.evaluation import Evaluation, Settings
from mlagent.measure.gating import Limits, checks, own_gap, sorted_out, unfit

ROWS = 2000
SETTINGS = Settings(resamples=200, seed=1, level=0.95, group_min=100, label_min=10, slice_min=100)
NONE = Limits(
    metrics={}, gaps={}, slices={}, bound="value", rows_min=100, labels_min=10, selected_min=5,
    compare_by="log_loss", baseline_margin=None, production_margin=None,
)  # fmt: skip


def rows(shift: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that fit the target, the target, and two groups of which `a` gets `shift` more."""
    random = np.random.default_rng(seed)
    group = np.where(random.random(ROWS) < 0.4, "a", "b")
    logit = random.normal(-1, 1.5, ROWS)
    target = (random.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return 1 / (1 + np.exp(-logit - np.where(group == "a", shift, 0))), target, group


def measured(prediction: np.ndarray, target: np.ndarray, group: np.ndarray | None = None, **changes: Any) -> Evaluation:
    given: dict[str, Any] = {
        "threshold": 0.5,
        "threshold_by": "given",
        "groups": {} if group is None else {"kind": group},
        "slices": {} if group is None else {"kind": group},
        "unknown": {},
        "absent": {},
    }
    others = changes.pop("others", {"constant": np.full(len(target), target.mean())})
    return evaluation.evaluate("binary", {"model": prediction}, others, target, SETTINGS, **(given | changes))


def asked(**changes: Any) -> Limits:
    return Limits(**({name: getattr(NONE, name) for name in Limits.__struct_fields__} | changes))


def only(found: list[Check], start: str) -> Check:
    (one,) = [check for check in found if check.metric.startswith(start)]
    return one


def test_a_limit_is_held_against_the_value_or_the_worse_end_of_its_interval() -> None:
    prediction, target, _ = rows()
    exact = reference.roc_auc_score(target, prediction)
    found = measured(prediction, target)
    (plain,) = checks(found, asked(metrics={"roc_auc_min": exact - 0.001}))
    assert plain.value == pytest.approx(exact, abs=1e-12)
    assert plain.outcome == "pass"
    (sure,) = checks(found, asked(metrics={"roc_auc_min": exact - 0.001}, bound="interval"))
    assert sure.interval is not None
    assert (sure.value, sure.outcome) == (sure.interval[0], "fail")
    assert sure.metric == "roc_auc (low end)"
    (loss,) = checks(found, asked(metrics={"log_loss_max": 0.1}, bound="interval"))
    assert loss.interval is not None
    assert (loss.value, loss.outcome) == (loss.interval[1], "fail")


def test_too_few_rows_labels_or_no_number_are_inconclusive() -> None:
    prediction, target, _ = rows()
    limits = {"accuracy_min": 0.1}
    assert checks(measured(prediction[:99], target[:99]), asked(metrics=limits))[0].outcome == "inconclusive"
    rare = np.zeros(ROWS, np.int64)
    rare[:9] = 1
    (few,) = checks(measured(prediction, rare), asked(metrics=limits))
    assert few.outcome == "inconclusive"
    assert "only 9 rows of one class" in few.reason
    prediction[3] = math.nan
    assert checks(measured(prediction, target), asked(metrics=limits))[0].outcome == "inconclusive"


def test_a_model_no_better_than_a_constant_is_stopped() -> None:
    prediction, target, _ = rows()
    good = only(checks(measured(prediction, target), asked(baseline_margin=0.0)), "gain in log_loss over a constant")
    assert good.outcome == "pass"
    shuffled = np.random.default_rng(2).permutation(prediction)
    bad = only(checks(measured(shuffled, target), asked(baseline_margin=0.0)), "gain in log_loss over a constant")
    assert bad.outcome == "fail"
    constant = np.full(ROWS, target.mean())
    gain = reference.log_loss(target, constant) - reference.log_loss(target, shuffled)
    assert bad.interval is not None
    assert bad.interval[0] <= gain <= bad.interval[1]


@pytest.mark.parametrize(("noise", "outcome"), [(0.0, "pass"), (0.02, "pass"), (1.5, "fail")])
def test_not_worse_than_production_by_more_than_the_margin(noise: float, outcome: str) -> None:
    production, target, _ = rows()
    logit = np.log(production / (1 - production)) + np.random.default_rng(5).normal(0, noise, ROWS)
    found = measured(1 / (1 + np.exp(-logit)), target, others={"production": production})
    (one,) = checks(found, asked(production_margin=0.01))
    assert one.outcome == outcome
    assert one.threshold == -0.01


def test_a_production_that_cannot_be_compared_is_inconclusive_and_says_why() -> None:
    prediction, target, _ = rows()
    found = measured(prediction, target, unknown={"production": "it takes 'horsepower'"})
    (one,) = checks(found, asked(production_margin=0.01))
    assert one.outcome == "inconclusive"
    assert "it takes 'horsepower'" in one.reason
    assert checks(measured(prediction, target), asked(production_margin=0.01)) == []


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "pass"), (2.0, "fail")])
def test_a_gap_between_groups_is_judged(shift: float, outcome: str) -> None:
    prediction, target, group = rows(shift)
    said = prediction >= 0.5
    gap = abs(said[group == "a"].mean() - said[group == "b"].mean())
    found = checks(measured(prediction, target, group), asked(gaps={"demographic_parity_difference_max": 0.1}))
    one = only(found, "demographic_parity_difference of kind")
    assert one.value == pytest.approx(gap, abs=1e-12)
    assert one.outcome == outcome


def test_a_limit_of_one_attribute_takes_the_general_ones_place() -> None:
    found = measured(*rows(0.5))
    own = own_gap(" demographic_parity_difference of kind <= 0.001")
    judged = checks(found, asked(gaps={"demographic_parity_difference_max": 1.0}, own_gaps=(own,)))
    assert only(judged, "demographic_parity_difference of kind").threshold == 0.001
    other = own_gap("demographic_parity_ratio of kind >= 0.5")
    judged = checks(found, asked(gaps={"demographic_parity_difference_max": 1.0}, own_gaps=(other,)))
    assert [one.metric for one in judged][1:] == [
        "demographic_parity_difference of kind",
        "demographic_parity_ratio of kind",
    ]


def test_a_group_that_is_missing_fails_and_one_too_small_is_inconclusive() -> None:
    prediction, target, group = rows()
    limits = asked(gaps={"demographic_parity_difference_max": 0.5})
    missing = only(checks(measured(prediction, target, group, absent={"kind": ("c",)}), limits), "groups of kind")
    assert (missing.outcome, missing.metric) == ("fail", "groups of kind without a test row (c)")
    group[:99] = "c"
    group[99:] = np.where(group[99:] == "c", "a", group[99:])
    small = only(checks(measured(prediction, target, group), limits), "demographic_parity_difference")
    assert small.outcome == "inconclusive"
    assert "c: 99 rows, 100 are needed" in small.reason


def test_too_few_said_to_be_1_say_nothing_but_a_group_shut_out_fails() -> None:
    prediction, target, group = rows()
    limits = asked(gaps={"demographic_parity_difference_max": 0.02})
    none = np.where(np.arange(ROWS) < 5, 0.9, 0.1)
    few = only(checks(measured(none, target, group), limits), "demographic_parity_difference")
    assert few.outcome == "inconclusive"
    assert "would be said 1 if all were treated alike" in few.reason
    shut = np.where(group == "a", 0.1, prediction)
    out = only(checks(measured(shut, target, group), limits), "demographic_parity_difference")
    assert out.outcome == "fail"


def test_the_worst_slice_fails_only_where_it_is_surely_too_bad() -> None:
    prediction, target, group = rows()
    spoiled = np.where(group == "a", 1 - prediction, prediction)
    found = measured(spoiled, target, group)
    worst = only(checks(found, asked(slices={"roc_auc_min": 0.5})), "roc_auc of the worst slice, kind=a")
    assert worst.outcome == "fail"
    assert worst.value == pytest.approx(found.models["model"].slices.worst["roc_auc"].metrics["roc_auc"].high)
    assert (
        only(checks(measured(prediction, target), asked(slices={"roc_auc_min": 0.5})), "roc").outcome == "inconclusive"
    )


def test_a_variant_is_judged_as_strictly_and_named() -> None:
    prediction, target, _ = rows()
    found = evaluation.evaluate(
        "binary", {"model": prediction, "int8": 1 - prediction}, {}, target, SETTINGS,
        threshold=0.5, threshold_by="", groups={}, slices={}, unknown={}, absent={},
    )  # fmt: skip
    judged = checks(found, asked(metrics={"roc_auc_min": 0.6}))
    assert [(one.metric, one.outcome) for one in judged] == [("roc_auc", "pass"), ("int8: roc_auc", "fail")]


def test_keys_are_sorted_out_and_those_that_do_not_fit_are_named() -> None:
    metrics, gaps, slices = sorted_out({
        "bias_max": 1, "bias_difference_max": 2, "slice_mae_max": 3, "rows_min": 4, "bound": "value", "mae_max": 5,
    })  # fmt: skip
    assert (metrics, gaps, slices) == ({"bias_max": 1, "mae_max": 5}, {"bias_difference_max": 2}, {"mae_max": 3})
    assert unfit("regression", metrics, slices) == []
    assert unfit("binary", metrics, slices) == ["bias_max", "mae_max", "slice_mae_max"]


def test_an_evaluation_is_read_back_as_it_was_written() -> None:
    prediction, target, group = rows()
    for threshold in (0.5, 2.0):  # where none is said 1, some figures are no numbers
        found = measured(prediction, target, group, threshold=threshold)
        data = evaluation.encode(found)
        again = evaluation.decode(data)
        assert evaluation.encode(again) == data
        assert again.models["model"].curves == found.models["model"].curves
    assert math.isnan(again.models["model"].metrics["precision"].value)


@pytest.mark.parametrize(
    ("task", "limit"),
    [("regression", {"r2_min": 0.5}), ("count", {"gini_min": 0.2}), ("multiclass", {"macro_f1_min": 0.5})],
)
def test_other_tasks_are_judged_alike(task: Any, limit: dict[str, float]) -> None:
    random = np.random.default_rng(4)
    mean = np.exp(random.normal(0, 0.7, ROWS))
    target: np.ndarray
    prediction: np.ndarray
    constant: np.ndarray
    if task == "multiclass":
        target = random.integers(0, 3, ROWS)
        raw = np.eye(3)[target] + random.random((ROWS, 3))
        prediction, constant = raw / raw.sum(axis=1, keepdims=True), np.full((ROWS, 3), 1 / 3)
    else:
        target = random.poisson(mean).astype(np.float32) if task == "count" else mean + random.normal(0, 0.1, ROWS)
        prediction, constant = mean, np.full(ROWS, target.mean())
    found = evaluation.evaluate(
        task, {"model": prediction}, {"constant": constant}, target, SETTINGS, threshold=None, threshold_by="",
        groups={"half": np.where(np.arange(ROWS) % 2, "a", "b")}, slices={}, unknown={}, absent={},
    )  # fmt: skip
    by = {"regression": "r2", "count": "poisson_deviance", "multiclass": "log_loss"}[task]
    gap = "accuracy_difference_max" if task == "multiclass" else "mae_difference_max"
    judged = checks(found, asked(metrics=limit, compare_by=by, baseline_margin=0.0, gaps={gap: 0.5}))
    assert [one.outcome for one in judged] == ["pass"] * 4
    assert evaluation.encode(evaluation.decode(evaluation.encode(found))) == evaluation.encode(found)
