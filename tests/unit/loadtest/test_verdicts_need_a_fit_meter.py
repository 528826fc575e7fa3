"""Limits are judged on what callers felt, and only where there is enough of it and the meter kept up."""

import re

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.verdict import Verdict, check, verdict
from mlagent.errors import Invalid
from mlagent.loadtest import samples
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured, measure
from mlagent.loadtest.request import Piece, Request, Target
from mlagent.loadtest.result import MeterHealth, Result, summarise
from mlagent.loadtest.validity import METRIC, reasons
from mlagent.loadtest.verdict import SUBJECT, at_rest, judge

LIMITS = Limits(p99_ms=50, error_rate_max=0.01, requests_min=100, late_share_max=0.01)


def rows(latency_ms: object, status: int = 200) -> samples.Samples:
    latency = np.asarray(latency_ms, dtype=np.float64) / 1000
    found = np.zeros(len(latency), samples.DTYPE)
    found["latency"], found["status"], found["intended"] = latency, status, 1 + np.arange(len(latency)) / 100
    found["service"], found["piece"] = latency, 1
    return found


COURSE = (Piece(seconds=1, rate_per_second=100, kept=False), Piece(seconds=10, rate_per_second=100))


def measured(found: samples.Samples, limits: Limits = LIMITS) -> Measured:
    return measure(found, COURSE, timeout_seconds=2, limits_ms=limits.latency)


def fitness(found: samples.Samples, *, jump: float = 0.0, meters: tuple[MeterHealth, ...] = ()) -> Result:
    asked = Request(
        targets=(Target(name="", url=""),), pieces=COURSE, golden="", tolerance=0, users=1, timeout_seconds=2, seed=1,
        output="",
    )  # fmt: skip
    return summarise(asked, found, None, "2", meters=meters, clock_jump_seconds=jump)


WRONG = Wrong(row=17, field="probabilities[1]", says="probabilities[1] is expected to be 0.07, and 0.93 came back")


def judged(found: samples.Samples, limits: Limits = LIMITS, first_wrong: Wrong | None = None) -> Verdict:
    seen = measured(found, limits)
    faults = reasons(fitness(found), seen, limits)
    return verdict(SUBJECT, judge(seen, limits, first_wrong, faults=faults), inputs={}, tools={})


def test_percentiles_are_latencies_that_were_seen() -> None:
    seen = rows(np.arange(1, 101))
    assert measured(seen).p50_ms == pytest.approx(51)
    assert measured(seen).p95_ms == pytest.approx(96)
    assert measured(seen).p99_ms == pytest.approx(100)


def test_a_percentile_never_lies_between_a_good_and_a_bad_value() -> None:
    assert measured(rows([10.0] * 99 + [1000.0])).p99_ms == pytest.approx(1000)


def test_the_warm_up_is_dropped_by_when_requests_were_due() -> None:
    found = samples.join([rows([10.0] * 200), rows([900.0] * 100)])
    found["piece"][found["latency"] > 0.5] = 0
    assert measured(found).requests == 200
    assert judged(found).outcome == "pass"


def test_a_slow_server_fails_and_the_reason_says_both_numbers() -> None:
    found = judged(rows([60.0] * 200))
    assert found.outcome == "fail"
    assert found.checks[0].reason == "p99 latency 60 ms is above 50 ms (60 to 60; 200 samples)"


def test_further_percentiles_are_judged_where_they_have_a_limit() -> None:
    limits = msgspec.structs.replace(LIMITS, p50_ms=5, p95_ms=20)
    found = {one.metric: one.outcome for one in judged(rows([10.0] * 200), limits).checks}
    assert found == {
        "p50 latency": "fail",
        "p95 latency": "pass",
        "p99 latency": "pass",
        "error rate": "pass",
        "wrong answers": "pass",
        METRIC: "pass",
    }


def test_failures_fail_however_fast_they_are() -> None:
    found = rows([1.0] * 200)
    found["status"][:4] = 500
    assert judged(found).outcome == "fail"
    assert measured(found).error_rate == pytest.approx(0.02)
    assert measured(found).p99_ms == pytest.approx(2000)


def test_a_failure_that_took_longer_than_the_time_out_counts_with_all_of_it() -> None:
    assert measured(rows([3000.0] * 200, status=0)).p50_ms == pytest.approx(3000)


def test_too_few_requests_are_no_measurement() -> None:
    found = judged(rows([1.0] * 99))
    assert found.outcome == "invalid"
    assert found.checks[0].reason == (
        "99 requests after the warm-up are too few, load-test.requests_min asks for 100: a greater"
        " load-test.duration_seconds (about 10 s at this rate)"
    )
    assert judged(rows([1.0] * 100)).outcome == "pass"


def test_no_request_at_all_decides_nothing() -> None:
    nothing = measured(rows([]))
    assert (nothing.requests, nothing.p99_ms, nothing.error_rate) == (0, None, None)
    assert judged(rows([])).outcome == "invalid"


@pytest.mark.parametrize("latency", [1.0, 900.0])
def test_a_meter_that_was_late_decides_nothing_good_or_bad(latency: float) -> None:
    found = rows([latency] * 200)
    found["lag"][:3] = 0.006
    said = judged(found)
    assert said.outcome == "invalid"
    assert [check.outcome for check in said.checks] == ["invalid", "invalid", "invalid", "pass"]
    assert "the meter sent 1.50% of the requests more than 5 ms late, 1.00% are allowed" in said.checks[0].reason
    assert said.checks[1].reason == (f"p99 latency {latency:.4g} ms is shown, not judged: the measurement is invalid")
    with pytest.raises(Invalid, match="load-test is invalid: of its own fault the meter sent"):
        said.raise_unless_pass("hint")


def test_a_limit_within_the_interval_is_not_decided_and_says_what_would() -> None:
    random = np.random.default_rng(4)
    found = rows(np.minimum(random.exponential(10.86, size=900), 400))
    said = judged(found).checks[0]
    assert said.outcome == "inconclusive"
    assert said.interval is not None
    assert said.interval[0] <= 50 < said.interval[1]
    assert re.search(r"which is not surely on one side of 50 ms \(900 samples, worth \d+ independent", said.reason)
    assert re.search(r"about [\d,]+ requests \([\d,]+ s at this rate\) would decide", said.reason)


@given(st.integers(0, 2**32), st.floats(1.3, 10), st.booleans())
def test_what_is_clearly_on_one_side_is_decided(seed: int, apart: float, slow: bool) -> None:
    spread = np.random.default_rng(seed).uniform(1, 10, size=1000)
    seen = float(np.percentile(spread, 99))
    limits = msgspec.structs.replace(LIMITS, p99_ms=seen / apart if slow else seen * apart)
    assert judged(rows(spread), limits).checks[0].outcome == ("fail" if slow else "pass")


def test_few_requests_that_all_were_fast_pass_and_say_how_sure_that_is() -> None:
    said = judged(rows([1.0] * 150)).checks[0]
    assert said.outcome == "pass"
    assert said.reason.endswith("the slowest of so few requests is within the limit, which is sure to 78% only")


def test_latency_is_judged_from_when_requests_were_due_and_service_is_told_beside_it() -> None:
    found = rows([90.0] * 200)
    found["service"] = 0.002
    said, seen = judged(found), measured(found).quantiles["p99"]
    assert said.checks[0].value == pytest.approx(90)
    assert seen.service is not None
    assert seen.service.value == pytest.approx(2)


def test_where_production_itself_is_too_slow_here_the_comparison_decides() -> None:
    slow, limits = measured(rows([80.0] * 1000)), LIMITS
    for ratio, outcome in ((1.1, "pass"), (1.9, "fail")):
        beside = check("p99 against production", ratio, "<=", 1.5, samples=1000)
        checks = judge(slow, limits, champion=slow, compared=[beside])
        assert checks[0].outcome == "warn"
        assert checks[0].reason.endswith(
            "shown, not judged: what serves in production takes 80 ms on this machine itself"
        )
        assert verdict(SUBJECT, checks, inputs={}, tools={}).outcome == outcome
    fast = measured(rows([10.0] * 1000))
    assert judge(slow, limits, champion=fast, compared=[beside])[0].outcome == "fail"
    assert judge(slow, limits, champion=slow)[0].outcome == "fail"


def test_a_wrong_answer_fails_also_when_the_meter_was_late_and_is_told_with_an_example() -> None:
    found = rows([1.0] * 200)
    found["lag"], found["wrong"][7] = 1.0, True
    said = judged(found, first_wrong=WRONG)
    assert said.outcome == "fail"
    assert [check.outcome for check in said.checks] == ["invalid", "invalid", "invalid", "fail"]
    assert said.checks[-1].reason == (
        "wrong answers 1 is above 0 (200 samples): of golden row 17 probabilities[1] is expected to be 0.07,"
        " and 0.93 came back"
    )


def test_a_wrong_answer_during_the_warm_up_is_wrong() -> None:
    found = rows([1.0] * 200)
    found["piece"][0], found["wrong"][0] = 0, True
    assert (measured(found).requests, measured(found).answered, measured(found).wrong) == (199, 200, 1)
    assert judged(found).outcome == "fail"


def test_where_nothing_was_answered_nothing_is_known_of_answers() -> None:
    said = {one.metric: one.outcome for one in judged(rows([1.0] * 200, status=500)).checks}
    assert said["wrong answers"] == "inconclusive"


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
