"""A model that takes its time: health answers meanwhile, the queue is bounded, nothing is computed in vain."""

import http.client
import json
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.pipeline.serving.conftest import ask, value, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.pipeline.serving.conftest import House

SIZE, TIMES = 900, 12  # matrices, multiplied so often: some ten milliseconds a core
BODY = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}]}
INFER = "/v2/models/toy/infer"


@pytest.fixture
def slow(house: "House") -> "House":
    """Replace the model by one that multiplies large matrices for a number that does not depend on them."""
    nodes = [helper.make_node("Mul", ["x", "matrix"], ["m0"])]
    nodes += [helper.make_node("MatMul", [f"m{at}", "matrix"], [f"m{at + 1}"]) for at in range(TIMES)]
    nodes += [helper.make_node("ReduceMean", [f"m{TIMES}"], ["mean"], keepdims=1)]
    nodes += [helper.make_node("Mul", ["mean", "nought"], ["none"]), helper.make_node("Add", ["none", "x"], ["y"])]
    matrix = np.full((SIZE, SIZE), 1 / SIZE, np.float32)
    constants = [
        numpy_helper.from_array(matrix, "matrix"),
        numpy_helper.from_array(np.zeros((1, 1), np.float32), "nought"),
    ]
    inputs, outputs = [value("x", TensorProto.FLOAT, [1, 1])], [value("y", TensorProto.FLOAT, [1, 1])]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), house.model)
    return house


def post(url: str, body: object) -> tuple[int, "Mapping[str, str]", Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST", INFER, json.dumps(body))
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, json.loads(answer.read())
    finally:
        connection.close()


def computed(metrics_url: str) -> float:
    with urllib.request.urlopen(f"{metrics_url}/metrics", timeout=10) as answer:
        found = re.search(r"^mlagent_serving_inferences_total (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])


def test_health_answers_while_all_compute_and_all_are_answered(slow: "House") -> None:
    slow.start("--metrics-port", "0", "--threads", "1")
    urls = slow.urls()
    with ThreadPoolExecutor(16) as callers:
        asked = [callers.submit(post, urls["url"], BODY) for _ in range(64)]
        beside = 0
        while not all(one.done() for one in asked):
            for url in urls.values():
                assert ask(f"{url}/v2/health/ready")[0] == 200
            beside += 1
        assert [one.result()[0] for one in asked] == [200] * 64
    assert beside > 1
    assert asked[0].result()[2]["outputs"][0]["data"] == [1.0]


def test_more_than_may_wait_are_told_when_to_come_again(slow: "House") -> None:
    slow.start("--queue", "2", "--cpus", "1")
    url = slow.url()
    with ThreadPoolExecutor(16) as callers:
        told = list(callers.map(lambda _: post(url, BODY), range(48)))
    refused = [headers for status, headers, _ in told if status == 503]
    assert {status for status, _, _ in told} == {200, 503}
    assert all(int(headers["retry-after"]) >= 1 for headers in refused)


def test_a_deadline_that_passes_is_told_and_what_waits_behind_it_is_not_computed(slow: "House") -> None:
    slow.start("--metrics-port", "0", "--cpus", "1")
    urls = slow.urls()
    before = computed(urls["metrics_url"])
    late = BODY | {"parameters": {"timeout": 1000}}
    with ThreadPoolExecutor(16) as callers:
        told = list(callers.map(lambda _: post(urls["url"], late), range(16)))
    assert {status for status, _, _ in told} == {504}
    assert post(urls["url"], BODY)[0] == 200
    wait_for(lambda: computed(urls["metrics_url"]) > before)
    assert computed(urls["metrics_url"]) - before < 16


def test_the_servers_own_deadline_holds_for_whoever_names_none_and_a_request_can_only_shorten_it(slow: "House") -> None:
    slow.start("--cpus", "1", "--deadline-seconds", "0.001")
    url, longer = slow.url(), BODY | {"parameters": {"timeout": 60_000_000}}
    for body in (BODY, longer):
        with ThreadPoolExecutor(8) as callers:
            told = list(callers.map(post, [url] * 8, [body] * 8))
        assert {status for status, _, _ in told} == {504}
        assert "the deadline of this request passed" in told[0][2]["error"]


def test_nothing_is_computed_for_clients_that_have_left(slow: "House") -> None:
    slow.start("--metrics-port", "0", "--cpus", "1")
    urls = slow.urls()
    before, connections = computed(urls["metrics_url"]), []
    for _ in range(16):
        connections.append(http.client.HTTPConnection(urlsplit(urls["url"]).netloc, timeout=60))
        connections[-1].request("POST", INFER, json.dumps(BODY))
    time.sleep(0.005)
    for one in connections:
        one.close()
    assert post(urls["url"], BODY)[0] == 200
    wait_for(lambda: computed(urls["metrics_url"]) > before)
    assert computed(urls["metrics_url"]) - before < 16
