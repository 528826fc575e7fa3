"""Limits are judged on what callers felt, and only where there is enough of it and the meter kept up."""

import msgspec
import numpy as np
import pytest

from mlagent.core.verdict import Verdict, verdict
from mlagent.loadtest import samples
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.result import summarise
from mlagent.loadtest.verdict import SUBJECT, Limits, Measured, at_rest, judge, measure

LIMITS = Limits(p99_ms=50, error_rate_max=0.01, requests_min=100, late_share_max=0.01)


def rows(latency_ms: object, status: int = 200) -> samples.Samples:
    latency = np.asarray(latency_ms, dtype=np.float64) / 1000
    found = np.zeros(len(latency), samples.DTYPE)
    found["latency"], found["status"], found["intended"] = latency, status, 1 + np.arange(len(latency)) / 100
    return found


def measured(found: samples.Samples) -> Measured:
    return measure(found, warmup_seconds=1, timeout_seconds=2)


WRONG = Wrong(row=17, field="probabilities[1]", says="probabilities[1] is expected to be 0.07, and 0.93 came back")


def judged(found: samples.Samples, limits: Limits = LIMITS, first_wrong: Wrong | None = None) -> Verdict:
    return verdict(SUBJECT, judge(measured(found), limits, first_wrong), inputs={}, tools={})


def test_percentiles_are_latencies_that_were_seen() -> None:
    seen = rows(np.arange(1, 101))
    assert measured(seen).p50_ms == pytest.approx(51)
    assert measured(seen).p95_ms == pytest.approx(96)
    assert measured(seen).p99_ms == pytest.approx(100)


def test_a_percentile_never_lies_between_a_good_and_a_bad_value() -> None:
    assert measured(rows([10.0] * 99 + [1000.0])).p99_ms == pytest.approx(1000)


def test_the_warm_up_is_dropped_by_when_requests_were_due() -> None:
    found = samples.join([rows([10.0] * 200), rows([900.0] * 100)])
    found["intended"][found["latency"] > 0.5] = 0.999
    assert measured(found).requests == 200
    assert judged(found).outcome == "pass"


def test_a_slow_server_fails_and_the_reason_says_both_numbers() -> None:
    found = judged(rows([60.0] * 200))
    assert found.outcome == "fail"
    assert found.checks[0].reason == "p99 latency 60 ms is above 50 ms (200 samples)"


def test_further_percentiles_are_judged_where_they_have_a_limit() -> None:
    limits = msgspec.structs.replace(LIMITS, p50_ms=5, p95_ms=20)
    found = {one.metric: one.outcome for one in judged(rows([10.0] * 200), limits).checks}
    assert found == {
        "p50 latency": "fail",
        "p95 latency": "pass",
        "p99 latency": "pass",
        "error rate": "pass",
        "wrong answers": "pass",
    }


def test_failures_fail_however_fast_they_are() -> None:
    found = rows([1.0] * 200)
    found["status"][:4] = 500
    assert judged(found).outcome == "fail"
    assert measured(found).error_rate == pytest.approx(0.02)
    assert measured(found).p99_ms == pytest.approx(2000)


def test_a_failure_that_took_longer_than_the_time_out_counts_with_all_of_it() -> None:
    assert measured(rows([3000.0] * 200, status=0)).p50_ms == pytest.approx(3000)


def test_too_few_requests_decide_nothing() -> None:
    assert judged(rows([1.0] * 99)).outcome == "inconclusive"
    assert judged(rows([1.0] * 100)).outcome == "pass"


def test_no_request_at_all_decides_nothing() -> None:
    nothing = measured(rows([]))
    assert (nothing.requests, nothing.p99_ms, nothing.error_rate) == (0, None, None)
    assert judged(rows([])).outcome == "inconclusive"


@pytest.mark.parametrize("latency", [1.0, 900.0])
def test_a_meter_that_was_late_decides_nothing_good_or_bad(latency: float) -> None:
    found = rows([latency] * 200)
    found["lag"][:3] = 0.006
    said = judged(found)
    assert said.outcome == "inconclusive"
    assert [check.outcome for check in said.checks] == ["inconclusive", "inconclusive", "pass"]
    assert "the meter sent 1.50% of the requests more than 5 ms late, 1.00% are allowed" in said.checks[0].reason


def test_a_wrong_answer_fails_also_when_the_meter_was_late_and_is_told_with_an_example() -> None:
    found = rows([1.0] * 200)
    found["lag"], found["wrong"][7] = 1.0, True
    said = judged(found, first_wrong=WRONG)
    assert said.outcome == "fail"
    assert [check.outcome for check in said.checks] == ["inconclusive", "inconclusive", "fail"]
    assert said.checks[-1].reason == (
        "wrong answers 1 is above 0 (200 samples): of golden row 17 probabilities[1] is expected to be 0.07,"
        " and 0.93 came back"
    )


def test_a_wrong_answer_during_the_warm_up_is_wrong() -> None:
    found = rows([1.0] * 200)
    found["intended"][0], found["wrong"][0] = 0.5, True
    assert (measured(found).requests, measured(found).answered, measured(found).wrong) == (199, 200, 1)
    assert judged(found).outcome == "fail"


def test_where_nothing_was_answered_nothing_is_known_of_answers() -> None:
    assert judged(rows([1.0] * 200, status=500)).checks[-1].outcome == "inconclusive"


def test_golden_rows_are_judged_one_by_one_up_to_the_first_that_is_wrong() -> None:
    assert (at_rest(None, 256).outcome, at_rest(None, 256).samples) == ("pass", 256)
    found = at_rest(WRONG, 256)
    assert (found.outcome, found.samples) == ("fail", 18)
    assert "of golden row 17 probabilities[1] is expected to be 0.07" in found.reason


def test_a_meter_that_was_seldom_late_decides() -> None:
    found = rows([1.0] * 200)
    found["lag"][:2] = 0.006
    found["lag"][2:] = 0.005
    assert judged(found).outcome == "pass"


def test_the_result_counts_the_whole_run() -> None:
    found = rows([1.0] * 200)
    found["status"][:5], found["status"][5:8], found["lag"][:4] = 0, 500, 1.0
    asked = Request(
        targets=(Target(name="", url=""),), golden="", tolerance=0, users=1,
        pieces=(Piece(seconds=1, rate_per_second=100, kept=False), Piece(seconds=3, rate_per_second=100)),
        timeout_seconds=2, seed=1, output="",
    )  # fmt: skip
    found["wrong"][:2] = True
    result = summarise(asked, found, WRONG, "2")
    assert (result.wrong, result.first_wrong) == (2, WRONG)
    assert (result.requests, result.errors, result.unanswered, result.late_share) == (200, 8, 5, 0.02)
    assert (result.rate_asked, result.rate_answered) == (100, 192 / 4)
