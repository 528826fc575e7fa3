"""Errors, latency and restarts to a verdict: bad only where that is sure, good only where there was enough."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlagent.core.verdict import Verdict
from mlagent.rollout.counters import Counters
from mlagent.rollout.judging import LATENCY, RATE, RESTARTS, Limits, soaked, while_it_comes
from mlagent.rollout.readings import Readings

EDGES = (0.01, 0.025, 0.05, 0.1, 5.0, None)


def seen(requests: int, errors: int = 0, *, took: dict[float | None, int] | None = None, **more: Any) -> Readings:
    """`took`: requests by the edge under which they fell; all under the first one else."""
    by_edge = took or {EDGES[0]: requests}
    counts = [by_edge.get(edge, 0) for edge in EDGES]
    buckets = tuple((edge, sum(counts[: at + 1])) for at, edge in enumerate(EDGES))
    counted = Counters(requests=requests, errors=errors, buckets=buckets if requests else ())
    known: dict[str, Any] = {"counts": {"a@1": counted}, "restarts": {"a": 0}}
    return Readings(**(known | more))


def limits(**changes: Any) -> Limits:
    plain: dict[str, Any] = {"error_rate_max": 0.01, "p99_ms": 50.0, "requests_min": 100}
    return Limits(**(plain | changes))


def judged(found: Readings, *, over: bool = True, **changes: Any) -> Verdict:
    return soaked(found, limits(**changes), "staging", over=over)


def reason(verdict: Verdict, metric: str) -> str:
    return next(one.reason for one in verdict.checks if one.metric == metric)


def test_enough_good_answers_pass_and_each_check_says_its_numbers() -> None:
    found = judged(seen(1000, 3))
    assert (found.subject, found.outcome) == ("soak@staging", "pass")
    assert [one.metric for one in found.checks] == [RATE, LATENCY, RESTARTS]
    assert reason(found, LATENCY) == (
        "p99 latency is between 0 and 10 ms, the edges of its bucket, at most 50 ms (1000 samples)"
    )


def test_too_few_requests_say_nothing_however_good_they_are() -> None:
    found = judged(seen(99))
    assert found.outcome == "inconclusive"
    assert reason(found, RATE) == "error rate: 99 samples are too few, 100 are asked for"


def test_no_request_is_no_pass_where_some_are_asked_for() -> None:
    assert judged(seen(0)).outcome == "inconclusive"
    assert judged(Readings()).outcome == "inconclusive"


def test_no_request_passes_where_the_team_asks_for_none_and_the_verdict_says_what_was_not_judged() -> None:
    found = judged(seen(0), requests_min=0)
    assert found.outcome == "pass"
    assert [one.metric for one in found.checks] == [RESTARTS]
    assert "errors and latency are not judged" in found.notes[0]


def test_counters_that_could_not_be_read_are_no_pass_even_where_no_request_is_asked_for() -> None:
    found = judged(seen(0, unread=("risk-a: it does not answer",)), requests_min=0)
    assert found.outcome == "inconclusive"
    assert found.notes == ("not read this time: risk-a: it does not answer",)


def test_counters_that_do_not_fit_together_are_no_pass() -> None:
    other = {"b@1": Counters(requests=5, buckets=((1.0, 5), (None, 5)))}
    found = judged(seen(1000, counts={**seen(1000).counts, **other}), requests_min=0)
    assert found.outcome == "inconclusive"
    assert "different edges" in reason(found, RATE)


def test_errors_far_above_the_limit_fail_before_enough_requests_came() -> None:
    assert judged(seen(30, 30)).outcome == "fail"
    assert judged(seen(30, 30), over=False).outcome == "fail"


def test_a_few_first_requests_decide_nothing() -> None:
    assert judged(seen(19, 19)).outcome == "inconclusive"
    assert judged(seen(20, 20)).outcome == "fail"


def test_an_error_share_that_could_be_chance_is_neither_good_nor_bad() -> None:
    found = judged(seen(100, 2))
    assert found.outcome == "inconclusive"
    assert "2 errors among 100 requests are too few to be sure" in reason(found, RATE)
    assert judged(seen(10_000, 200)).outcome == "fail"


def test_before_the_time_is_over_evidence_must_be_stronger() -> None:
    once = seen(1000, 20)
    assert judged(once).outcome == "fail"
    assert judged(once, over=False).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("took", "outcome", "says"),
    [
        ({0.01: 980, 0.05: 20}, "pass", "between 25 and 50 ms"),
        ({0.01: 900, 0.1: 100}, "fail", "between 50 and 100 ms, the edges of its bucket, above 50 ms"),
        ({0.01: 988, 0.1: 12}, "inconclusive", "12 slower ones among 1000 requests are too few to be sure"),
        ({0.01: 900, None: 100}, "fail", "is above 5000 ms"),
    ],
)
def test_latency_is_judged_by_the_bucket_it_falls_into(took: dict[float | None, int], outcome: str, says: str) -> None:
    found = judged(seen(1000, took=took))
    assert found.outcome == outcome
    assert says in reason(found, LATENCY)


def test_a_limit_between_two_edges_is_told_where_the_percentile_lies_between_them_too() -> None:
    found = judged(seen(1000, took={0.01: 900, 0.1: 100}), p99_ms=70.0)
    assert found.outcome == "inconclusive"
    assert "the limit of 70 ms is between them: take one of the two" in reason(found, LATENCY)


def test_a_limit_beyond_the_last_edge_is_judged_as_far_as_the_histogram_goes() -> None:
    assert judged(seen(1000), p99_ms=9000.0).outcome == "pass"
    assert judged(seen(1000, took={None: 1000}), p99_ms=9000.0).outcome == "inconclusive"
    assert judged(seen(1000, took={None: 1000}), p99_ms=5000.0).outcome == "fail"


def test_without_a_limit_latency_is_not_judged() -> None:
    assert [one.metric for one in judged(seen(1000), p99_ms=None).checks] == [RATE, RESTARTS]


def test_a_restart_more_than_is_borne_fails_whatever_was_answered() -> None:
    found = judged(seen(1000, restarts={"a": 1, "b": 2}), restarts_max=2)
    assert found.outcome == "fail"
    assert reason(found, RESTARTS) == "restarts 3 is above 2 (2 samples)"
    assert judged(seen(1000, restarts={"a": 1, "b": 2}), restarts_max=3).outcome == "pass"


def test_while_it_comes_only_a_sure_no_is_said() -> None:
    assert while_it_comes(seen(1000), limits(), "staging") is None
    assert while_it_comes(seen(0), limits(), "staging") is None
    assert while_it_comes(seen(10, 10), limits(), "staging") is None
    assert while_it_comes(seen(20, 3), limits(), "staging") is None
    bad = while_it_comes(seen(20, 4), limits(), "staging")
    assert bad is not None
    assert bad.outcome == "fail"
    assert "error rate 0.2 is above 0.01" in bad.checks[0].reason


def test_where_no_request_may_fail_one_error_among_enough_requests_is_sure() -> None:
    assert while_it_comes(seen(20, 1), limits(error_rate_max=0.0), "staging") is not None
    assert judged(seen(1000, 1), error_rate_max=0.0).outcome == "fail"
    assert judged(seen(1000), error_rate_max=0.0).outcome == "pass"


@given(some.integers(0, 5000), some.data())
def test_more_errors_never_make_it_better(requests: int, data: some.DataObject) -> None:
    order = {"pass": 0, "inconclusive": 1, "fail": 2}
    few = data.draw(some.integers(0, requests))
    many = data.draw(some.integers(few, requests))
    for over in (True, False):
        assert (
            order[judged(seen(requests, few), over=over).outcome]
            <= order[judged(seen(requests, many), over=over).outcome]
        )


@given(some.integers(0, 300), some.integers(0, 300))
def test_what_is_found_bad_early_is_bad_at_the_end(errors: int, good: int) -> None:
    found = seen(errors + good, errors)
    if judged(found, over=False).outcome == "fail":
        assert judged(found).outcome == "fail"
