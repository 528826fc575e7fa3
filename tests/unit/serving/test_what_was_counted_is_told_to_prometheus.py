"""/metrics on the port of those who watch: text that Prometheus reads, without a label that a client can choose."""

import re
from typing import TYPE_CHECKING

import pytest

from mlagent.serving.metrics import BUCKETS, Meter
from tests.unit.serving.kinds import GOOD

if TYPE_CHECKING:
    from tests.unit.serving.conftest import Caller

LINE = re.compile(r'^([a-z_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (\+Inf|-?[0-9.e+-]+)$')


def numbers(text: str) -> dict[str, float]:
    """Every sample by its name with labels; a line of another form fails."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            assert LINE.match(line), line
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_requests_are_counted_by_route_and_status_and_rows_by_what_was_answered(asker: "Caller") -> None:
    asker.predict([GOOD] * 3)
    asker.predict([GOOD, 5])
    asker.get("/predict")
    found = numbers(asker.metrics())
    assert found['mlagent_serving_requests_total{route="/predict",status="200"}'] == 1
    assert found['mlagent_serving_requests_total{route="/predict",status="400"}'] == 1
    assert found['mlagent_serving_requests_total{route="/predict",status="405"}'] == 1
    assert found['mlagent_serving_request_seconds_count{route="/predict"}'] == 3
    assert found['mlagent_serving_request_seconds_bucket{route="/predict",le="+Inf"}'] == 3
    assert found["mlagent_serving_rows_total"] == 3
    assert found["mlagent_serving_requests_in_flight"] == 0
    assert found["mlagent_serving_ready"] == 1
    assert found['mlagent_serving_model_info{name="kinds"}'] == 1
    assert found["process_resident_memory_bytes"] > 1e6
    assert found["process_open_fds"] > 0


def test_unknown_paths_share_one_label(asker: "Caller") -> None:
    for path in ('/x"%0A', "/v2/models/other", "/metrics"):
        assert asker.get(path).status == 404
    names = [name for name in numbers(asker.metrics()) if "requests_total" in name]
    assert names == ['mlagent_serving_requests_total{route="other",status="404"}']


def test_a_client_that_left_is_counted_apart(asker: "Caller") -> None:
    asker.leave("/predict")
    assert numbers(asker.metrics())['mlagent_serving_requests_total{route="/predict",status="499"}'] == 1


def test_every_family_says_what_it_is_once(asker: "Caller") -> None:
    asker.predict([GOOD])
    text = asker.metrics()
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert len(dict(kinds)) == len(kinds)
    assert re.findall(r"^# HELP (\S+) .+$", text, re.MULTILINE) == [name for name, _ in kinds]
    samples = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    assert {re.sub(r"(?<=seconds)_(bucket|sum|count)$", "", name) for name in samples} == {name for name, _ in kinds}


@pytest.mark.parametrize(
    ("seconds", "least"), [(0.0001, 0.00025), (0.0005, 0.0005), (0.0006, 0.00075), (4.9, 5.0), (6.0, None)]
)
def test_a_latency_is_in_every_bucket_from_its_own_on(seconds: float, least: float | None) -> None:
    meter = Meter({"name": "m"}, ["/predict"])
    meter.count("/predict", 200, seconds)
    found = numbers(meter.text(ready=True))
    held = [
        bound for bound in BUCKETS if found[f'mlagent_serving_request_seconds_bucket{{route="/predict",le="{bound}"}}']
    ]
    assert held == [bound for bound in BUCKETS if least and bound >= least]
    assert found['mlagent_serving_request_seconds_bucket{route="/predict",le="+Inf"}'] == 1
    assert found['mlagent_serving_request_seconds_sum{route="/predict"}'] == seconds


def test_once_the_end_has_begun_readiness_is_refused_and_connections_are_given_back(asker: "Caller") -> None:
    asker.health.ready = False
    for ask in (asker.get, asker.watched):
        told = ask("/v2/health/ready")
        assert (told.status, told.json["ready"]) == (503, False)
        assert ask("/v2/health/live").status == 200
    assert asker.get("/v2/models/kinds/ready").status == 503
    answered = asker.predict([GOOD])
    assert answered.status == 200
    assert answered.headers[b"connection"] == b"close"
    assert numbers(asker.metrics())["mlagent_serving_ready"] == 0
