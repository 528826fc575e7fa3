"""Prometheus is asked one question at a time; what it refuses, and where it is away, is told apart."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from mlagent import adapters
from mlagent.adapters.prometheus_api import Prometheus
from mlagent.errors import ConfigError, InfrastructureError
from tests.api_server_double import Answer, Double, serving

QUERY = 'mlagent_serving_requests_total{namespace="risk"}'


@pytest.fixture
def double() -> Iterator[Double]:
    with serving() as one:
        yield one


@pytest.fixture
def prometheus(double: Double) -> Prometheus:
    return adapters.prometheus(double.url + "/")


def vector(*values: tuple[dict[str, str], str]) -> Answer:
    result = [{"metric": labels, "value": [1_700_000_000.123, value]} for labels, value in values]
    return Answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}})


def refusal(code: int, error: str) -> Answer:
    return Answer(code, {"status": "error", "errorType": "bad_data", "error": error})


def test_series_are_given_with_their_labels(double: Double, prometheus: Prometheus) -> None:
    double.says("GET", vector(({"pod": "a"}, "12"), ({"pod": "b"}, "1.5e3")))
    assert list(prometheus.series(QUERY)) == [({"pod": "a"}, 12.0), ({"pod": "b"}, 1500.0)]
    [asked] = double.seen
    assert asked.target == ("/api/v1/query?query=mlagent_serving_requests_total%7Bnamespace%3D%22risk%22%7D")


def test_values_that_are_no_finite_numbers_are_given_as_such(double: Double, prometheus: Prometheus) -> None:
    double.says("GET", vector(({}, "+Inf"), ({}, "-Inf"), ({}, "NaN"), ({}, "what")))
    one, two, *others = (value for _, value in prometheus.series(QUERY))
    assert (one, two) == (math.inf, -math.inf)
    assert all(map(math.isnan, others))


def test_no_series_are_none(double: Double, prometheus: Prometheus) -> None:
    double.says("GET", vector())
    assert list(prometheus.series(QUERY)) == []


@pytest.mark.parametrize("code", [400, 422])
def test_a_question_that_it_does_not_take_is_said_in_its_words(
    double: Double, prometheus: Prometheus, code: int
) -> None:
    double.says("GET", refusal(code, "1:3: parse error: unexpected end of input"))
    with pytest.raises(ConfigError, match="parse error: unexpected end"):
        prometheus.series(QUERY)


@pytest.mark.parametrize(
    "answer", [refusal(503, "query timed out"), Answer(502, b"<html>"), Answer(429, b""), Answer(0)]
)
def test_a_server_in_trouble_is_worth_another_try(double: Double, prometheus: Prometheus, answer: Answer) -> None:
    double.says("GET", answer)
    with pytest.raises(InfrastructureError, match="Prometheus at http://127"):
        prometheus.series(QUERY)
    assert len(double.seen) == 1


def test_an_answer_that_lacks_a_part_is_none(double: Double, prometheus: Prometheus) -> None:
    whole = vector(({"pod": "a"}, "12")).body
    double.says("GET", Answer(200, {**whole, "warnings": ["remote_read: store eu-2 is away"]}))
    with pytest.raises(InfrastructureError, match="a part alone: remote_read: store eu-2 is away"):
        prometheus.series(QUERY)
    double.says("GET", Answer(200, {**whole, "warnings": []}))
    assert list(prometheus.series(QUERY)) == [({"pod": "a"}, 12.0)]


def test_a_server_that_is_away_is_worth_another_try(prometheus: Prometheus) -> None:
    with pytest.raises(InfrastructureError, match="does not answer"):
        adapters.prometheus("http://127.0.0.1:9").series(QUERY)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>log in</html>", "text/html"),
        Answer(302, b""),
        Answer(404, b"not found"),
        Answer(200, {"status": "success", "data": {"resultType": "vector", "result": [{"value": 3}]}}),
        Answer(200, {"status": "success"}),
        Answer(200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
    ],
)
def test_what_is_no_prometheus_is_not_believed(double: Double, prometheus: Prometheus, answer: Answer) -> None:
    double.says("GET", answer)
    with pytest.raises(ConfigError):
        prometheus.series(QUERY)


def test_a_password_in_the_url_is_sent_and_never_shown(double: Double) -> None:
    double.says("GET", Answer(401, b"Unauthorized"))
    url = double.url.replace("http://", "http://ci:pass%20word-planted@")
    with pytest.raises(ConfigError, match="401") as no:
        adapters.prometheus(url).series(QUERY)
    assert double.seen[0].headers["authorization"] == "Basic Y2k6cGFzcyB3b3JkLXBsYW50ZWQ="
    assert "planted" not in f"{no.value} {no.value.hint}"


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://", "http://a:b", "http://a/?q=1", ""])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no URL of a server"):
        adapters.prometheus(url)


def test_a_path_before_the_api_is_kept(double: Double) -> None:
    double.says("GET /behind/a/proxy/api/v1/query", vector(({}, "1")))
    values: list[Any] = list(adapters.prometheus(f"{double.url}/behind/a/proxy/").series(QUERY))
    assert values == [({}, 1.0)]
