"""Counters from our server's own text, and the same from Prometheus' series."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlagent.rollout.counters import Counters, by_pod, parse, query, total
from mlagent.serving.metrics import Meter

ROUTES = ["/predict", "/v2/models/risk/infer", "/v2/health/ready"]
ANSWERS = some.lists(
    some.tuples(
        some.sampled_from([*ROUTES, "other"]),
        some.sampled_from([200, 400, 499, 500, 503]),
        some.floats(min_value=0, max_value=10),
    ),
    max_size=30,
)
INFO = {"name": "risk", "mlagent": "0.1", "digest": "sha256:" + "a" * 64, "version": "7"}


def meter(*answered: tuple[str, int, float]) -> str:
    counting = Meter(INFO, ROUTES)
    for route, status, seconds in answered:
        counting.count(route, status, seconds)
    return counting.text(ready=True)


def without(name: str) -> str:
    return "".join(line for line in meter(("/predict", 200, 0.1)).splitlines(keepends=True) if name not in line)


@given(ANSWERS)
def test_answers_are_counted_and_nothing_else(answered: list[tuple[str, int, float]]) -> None:
    asked = [one for one in answered if one[0] == "/predict" or one[0].endswith("/infer")]
    found = parse(meter(*answered))
    assert found.requests == len(asked)
    assert found.errors == sum(status >= 500 for _, status, _ in asked)
    for edge, count in found.buckets:
        assert count == sum(edge is None or seconds <= edge for _, _, seconds in asked)
    assert (found.version, found.model) == ("7", INFO["digest"])


def test_a_pod_that_nobody_asked_yet_counted_nothing() -> None:
    found = parse(meter())
    assert (found.requests, found.errors, found.buckets) == (0, 0, ())
    assert found.started > 0


def test_a_server_that_names_no_version_names_none() -> None:
    assert not parse(meter().replace(',version="7"', "")).version


def test_label_values_may_hold_quotes_and_braces() -> None:
    odd = 'mlagent_serving_requests_total{route="/v2/models/a\\"}b/infer",status="500"} 3.0\n'
    assert parse(meter() + odd).errors == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is not what mlagent's server counts"),
        (without("process_start"), "no good process_start_time_seconds"),
        (without("model_info"), "no good mlagent_serving_model_info"),
        (without('le="+Inf"'), "has no last bucket"),
        (meter().replace("\nprocess_start_time_seconds ", "\nprocess_start_time_seconds NaN "), "is no metric"),
        (meter() + 'mlagent_serving_requests_total{route="/predict",status="200"} NaN\n', "a count is not"),
        (meter() + 'mlagent_serving_requests_total{route="/predict",status="200"} -1\n', "a count is not"),
        (meter() + 'mlagent_serving_requests_total{route="/predict"} many\n', "'many' is no number"),
        (meter() + "mlagent_serving_requests_total{route=/predict} 1\n", "are no labels"),
        ("<html>404 not found</html>", "line 1 is no metric"),
    ],
)
def test_what_our_server_does_not_write_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse(text)


def test_a_histogram_that_falls_is_refused() -> None:
    wrong = meter(("/predict", 200, 0.1)).replace('le="+Inf"} 1.0', 'le="+Inf"} 0.0')
    with pytest.raises(ValueError, match="counts upwards"):
        parse(wrong)


def series(pod: str, text: str) -> list[tuple[dict[str, str], float]]:
    """As Prometheus hands over what it scraped."""
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name, _, labels = name.partition("{")
            pairs = (one.split("=") for one in labels.rstrip("}").split(",") if one)
            found.append(({"__name__": name, "pod": pod} | {key: text.strip('"') for key, text in pairs}, float(value)))
    return found


@given(ANSWERS, ANSWERS)
def test_prometheus_gives_the_same_by_pod(
    one: list[tuple[str, int, float]], other: list[tuple[str, int, float]]
) -> None:
    texts = {"risk-a": meter(*one), "risk-b": meter(*other)}
    found = by_pod([row for pod, text in texts.items() for row in series(pod, text)])
    assert found == {pod: parse(text) for pod, text in texts.items()}


def test_a_pod_of_which_prometheus_knows_half_is_told_apart() -> None:
    found = by_pod([*series("risk-a", meter()), *series("risk-b", without("process_start"))])
    assert isinstance(found["risk-a"], Counters)
    assert isinstance(found["risk-b"], ValueError)


def test_one_question_names_the_namespace_and_every_pod() -> None:
    assert 'namespace="risk",pod=~"risk-a|risk-b"' in query("risk", ["risk-a", "risk-b"])


@given(ANSWERS, ANSWERS)
def test_the_sum_of_two_pods_is_that_of_one_that_did_it_all(
    one: list[tuple[str, int, float]], other: list[tuple[str, int, float]]
) -> None:
    both, alone = total([parse(meter(*one)), parse(meter(*other))]), parse(meter(*one, *other))
    assert (both.requests, both.errors, both.buckets) == (alone.requests, alone.errors, alone.buckets)


def test_histograms_with_other_edges_are_not_summed_up() -> None:
    with pytest.raises(ValueError, match="different edges"):
        total([Counters(buckets=((0.1, 1), (None, 1))), Counters(buckets=((0.2, 1), (None, 1)))])
