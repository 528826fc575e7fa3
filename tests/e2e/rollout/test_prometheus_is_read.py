"""Counters of a small exporter, through a real Prometheus."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters.prometheus_api import Prometheus
from mlagent.errors import ConfigError, InfrastructureError
from mlagent.serving.metrics import CONTENT_TYPE, Meter
from tests.cluster.house import until
from tests.parts.registry import free_port

COUNTED = "mlagent_serving_requests_total"


@contextmanager
def exporter() -> Iterator[str]:
    """What our server counts, of 3 good requests and a bad one; HOST:PORT."""
    meter = Meter({"name": "risk"}, ["/predict"])
    for status in (200, 200, 200, 500):
        meter.count("/predict", status, 0.004)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = meter.text(ready=True).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def prometheus_of(target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that looks there each second, as if it were a pod; its URL."""
    labels = "{pod: risk-1, namespace: risk, other: 'a \"b\"'}"
    (folder / "prometheus.yml").write_text(
        "scrape_configs:\n"
        "- job_name: risk\n"
        "  scrape_interval: 1s\n"
        f"  static_configs: [{{targets: ['{target}'], labels: {labels}}}]\n"
    )
    listens = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={listens}"], stdout=log, stderr=log)
    try:
        yield f"http://{listens}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with exporter() as target, prometheus_of(target, tmp_path_factory.mktemp("prometheus")) as url:
        found = adapters.prometheus(url)
        until(lambda: known(found))
        yield found


def known(prometheus: Prometheus) -> bool:
    try:
        return bool(prometheus.series(COUNTED))
    except InfrastructureError:  # it is not up yet
        return False


def test_counters_are_given_with_the_labels_of_their_pod(prometheus: Prometheus) -> None:
    found = {labels["status"]: (labels["pod"], labels["other"], value) for labels, value in prometheus.series(COUNTED)}
    assert found == {"200": ("risk-1", 'a "b"', 3.0), "500": ("risk-1", 'a "b"', 1.0)}


def test_a_question_is_taken_as_it_is_written(prometheus: Prometheus) -> None:
    query = f'sum by (pod) ({COUNTED}{{namespace="risk", status=~"5.."}})'
    assert list(prometheus.series(query)) == [({"pod": "risk-1"}, 1.0)]
    buckets = prometheus.series('mlagent_serving_request_seconds_bucket{le="+Inf"}')
    assert sum(value for _, value in buckets) == 4.0


def test_what_nobody_counts_is_no_series(prometheus: Prometheus) -> None:
    assert list(prometheus.series("nobody_counts_this_total")) == []


def test_a_question_that_is_none_is_refused_in_its_words(prometheus: Prometheus) -> None:
    with pytest.raises(ConfigError, match="parse error"):
        prometheus.series("sum(")
    with pytest.raises(ConfigError, match="with a matrix"):
        prometheus.series(f"{COUNTED}[1m]")


def test_a_number_that_is_none_is_read_as_such(prometheus: Prometheus) -> None:
    [(labels, value)] = prometheus.series("vector(0) / 0")
    assert labels == {}
    assert value != value  # noqa: PLR0124 - not a number
