"""The first sentence, for every way in which a run ends, and the figures beside it."""

from datetime import date

import msgspec
import pytest

from mlagent.core.verdict import Check, Waiver, check
from mlagent.measure.headlines import spoken
from mlagent.report.headlines import cards
from mlagent.report.outcome import outcome
from mlagent.report.run import Missing, Ran
from tests.unit.report.conftest import Make, ran

BAD = check("p99 latency", 80.0, "<=", 50, unit="ms", samples=1000)
FEW = check("p99 latency", None, "<=", 50, unit="ms", samples=3, samples_min=1000)
NOT = Ran(name="gate", title="gate")


def waived(one: Check) -> Check:
    waiver = Waiver(owner="jane", reason="filed", expires=date(2999, 12, 31))
    return msgspec.structs.replace(one, outcome="waived", waiver=waiver)


@pytest.mark.parametrize(
    ("stage", "word", "says"),
    [
        (ran("load-test", BAD, state="refused"), "blocked", "Blocked by load-test: p99 latency 80 ms is above 50 ms"),
        (ran("load-test", BAD, BAD, state="refused"), "blocked", "and 1 more of 2 checks did not pass"),
        (ran("load-test", FEW, state="inconclusive"), "inconclusive", "Inconclusive in load-test, and no data is not"),
        (ran("load-test", FEW, state="invalid"), "invalid", "Invalid in load-test: what was measured says nothing"),
        (ran("train", state="failed", summary="no GPU", hint="get one"), "failed", "Failed in train: no GPU."),
        (ran("train", state="stopped"), "interrupted", "Interrupted in train; the same command goes on from there."),
        (ran("train", state="running", seconds=None), "interrupted", "Cut off in train, and nobody runs it now"),
        (
            ran("load-test", state="held", summary="until noon", hint="then"),
            "waiting",
            "Waiting in load-test: until noon.",
        ),
        (ran("load-test", state="undone", summary="v2 was bad"), "blocked", "Rolled back by load-test: v2 was bad."),
        (NOT, "incomplete", "Not all stages have run: 8 of 9 passed so far, gate is next."),
    ],
)
def test_it_is_said_in_one_sentence(make: Make, stage: Ran, word: str, says: str) -> None:
    found = outcome(make(**{stage.name.replace("-", "_"): stage}))
    assert found.word == word
    assert says in found.sentence
    assert found.hint == stage.hint


def test_a_run_that_passed_says_so_with_what_only_warned_and_who_waived_what(make: Make) -> None:
    assert outcome(make()).sentence == "Passed all 9 stages and 2 checks."
    off = make(register=ran("register", state="off", summary="nothing to do"))
    assert outcome(off).sentence == "Passed all 8 stages and 2 checks."
    warned = check("p99 latency", 80.0, "<=", 50, unit="ms", samples=1000, severity="warn")
    found = outcome(make(load_test=ran("load-test", warned, waived(BAD), waived(BAD))))
    assert found.sentence == "Passed all 9 stages and 4 checks; 1 check only warned and 2 were waived by jane."
    assert outcome(make(load_test=ran("load-test", waived(BAD)))).sentence.endswith("; 1 was waived by jane.")


def test_a_run_that_skipped_a_stage_did_not_pass_them_all(make: Make) -> None:
    found = outcome(make(check=ran("check", state="skipped", summary="linted elsewhere")))
    assert (found.word, found.sentence) == ("skipped", "Passed 8 of 9 stages, and skipped check: not to be deployed.")
    assert "stages.skip" in found.hint


def test_a_run_that_somebody_holds_is_still_running(make: Make) -> None:
    found = outcome(make(train=ran("train", state="running", seconds=None), alive="build node 3"))
    assert (found.word, found.sentence) == ("running", "Still running: in train, since 2026-01-02 03:04:05 UTC.")


def test_figures_stand_beside_their_limits_and_what_they_are_compared_with(make: Make) -> None:
    found = cards(make())
    assert "ROC AUC" in found
    assert "constant answer 0.5<" in found
    assert "limit: at least 0.6<" in found
    assert found.count("not judged") == 1  # log loss, which has no limit
    assert "3 ms</strong>" in found
    assert "limit: at most 50 ms" in found


def test_a_gain_over_a_constant_answer_is_a_judgement_too(make: Make) -> None:
    gain = check("gain in log_loss over a constant answer (low end)", 0.18, ">=", 0, samples=400)
    found = cards(make(gate=ran("gate", gain)))
    assert "surely better than a constant answer by 0.18; limit: at least 0<" in found
    assert found.count("not judged") == 1  # ROC AUC
    limit = check("log_loss", 0.25, "<=", 0.27, samples=400)
    assert "surely better" not in cards(make(gate=ran("gate", limit, gain)))
    worse = check("gain in log_loss over production (low end)", -0.2, ">=", -0.01, samples=400)
    assert "surely better than production by -0.2; limit: at least -0.01<" in cards(
        make(gate=ran("gate", limit, worse))
    )


def test_metrics_are_called_as_people_call_them() -> None:
    assert [spoken(name) for name in ("roc_auc", "pr_auc", "mcc", "mean_prediction_ratio")] == [
        "ROC AUC", "PR AUC", "MCC", "mean prediction ratio"
    ]  # fmt: skip


def test_a_stage_that_names_itself_is_named_once(make: Make) -> None:
    found = outcome(make(check=ran("check", state="failed", summary="check: test failed (exit status 1)")))
    assert found.sentence == "Failed in check: test failed (exit status 1)."


def test_the_gap_that_is_nearest_to_its_limit_or_beyond_it_is_shown(make: Make) -> None:
    near = check("demographic_parity_difference of Gender", 0.04, "<=", 0.05, samples=100)
    far = check("demographic_parity_ratio of Age", 0.95, ">=", 0.5, samples=100)
    assert "between groups of Gender" in cards(make(gate=ran("gate", far, near)))
    broken = check("fpr_difference of Age", 0.2, "<=", 0.1, samples=100)
    shown = cards(make(gate=ran("gate", far, near, broken, state="refused")))
    assert "Worst gap: fpr" in shown
    assert "✕</span>&nbsp;fail" in shown


def test_a_figure_that_is_not_known_is_a_dash_and_no_pass(make: Make) -> None:
    shown = cards(make(load_test=ran("load-test", FEW, state="inconclusive")))
    assert "p99 latency</span> <strong>–</strong>" in shown  # noqa: RUF001 - a dash
    assert "inconclusive" in shown


def test_nothing_measured_shows_no_figures(make: Make) -> None:
    nothing = Missing("evaluate did not run")
    none = {name: Ran(name=name, title=name) for name in ("gate", "load-test")}
    assert cards(make(evaluation=nothing, gate=none["gate"], load_test=none["load-test"])) == ""
