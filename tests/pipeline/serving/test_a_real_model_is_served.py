"""The server as clients and parents meet it: a URL, answers, an exit status."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.pipeline.serving.conftest import ask, wait_for

if TYPE_CHECKING:
    from tests.pipeline.serving.conftest import House


def test_it_answers_once_the_ready_file_is_there_and_leaves_cleanly_on_sigterm(
    house: "House", request_body: dict[str, Any]
) -> None:
    server = house.start()
    url = house.url()
    assert ask(f"{url}/v2/health/ready") == (200, {"ready": True})
    status, metadata = ask(f"{url}/v2/models/toy")
    assert status == 200
    assert metadata["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 3]}
    status, answer = ask(f"{url}/v2/models/toy/infer", request_body)
    assert status == 200
    assert [output["data"] for output in answer["outputs"]] == [[12.0, 31.0], [2**53 + 1, -7]]
    server.terminate()
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0
    assert [path.name for path in house.root.iterdir()] == ["model.onnx"]


def test_a_bad_request_is_refused_and_the_next_one_answered(house: "House", request_body: dict[str, Any]) -> None:
    house.start()
    url = f"{house.url()}/v2/models/toy/infer"
    bad = {"inputs": [request_body["inputs"][0] | {"shape": [3, 2]}]}
    assert ask(url, bad) == (400, {"error": "input 'x' has shape [3, 2]; the model takes [-1, 3]"})
    assert ask(url, {"inputs": request_body["inputs"][:1]})[0] == 400
    assert ask(url, request_body)[0] == 200


def test_a_body_over_the_limit_is_413(house: "House", request_body: dict[str, Any]) -> None:
    house.start("--body-limit", "300")
    url = f"{house.url()}/v2/models/toy/infer"
    assert ask(url, request_body)[0] == 200
    assert ask(url, request_body | {"id": "x" * 300})[0] == 413


def test_a_request_in_flight_at_sigterm_is_still_answered(house: "House", request_body: dict[str, Any]) -> None:
    server = house.start()
    parts = urlsplit(house.url())
    body = json.dumps(request_body).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        head = f"POST /v2/models/toy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body[:20])
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.poll() is None
        client.sendall(body[20:])
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0


def test_a_client_that_never_finishes_does_not_hold_up_the_end(house: "House") -> None:
    server = house.start()
    parts = urlsplit(house.url())
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(b"POST /v2/models/toy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf")
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0


def test_it_does_not_outlive_its_parent(house: "House") -> None:
    parent = (
        "import os, subprocess, sys, time\n"
        "subprocess.Popen([*sys.argv[1:], '--parent-pid', str(os.getpid())])\n"
        f"while not os.path.exists({str(house.ready)!r}): time.sleep(0.01)\n"
        "os._exit(9)"
    )
    ended = subprocess.run([sys.executable, "-c", parent, *house.command()], check=False, timeout=60)
    assert ended.returncode == 9
    wait_for(lambda: not house.ready.exists())


def test_it_stays_while_its_parent_lives(house: "House") -> None:
    server = house.start("--parent-pid", str(os.getpid()))
    url = house.url()
    time.sleep(0.5)
    assert ask(f"{url}/v2/health/live")[0] == 200
    assert server.poll() is None


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda house: house.model.unlink(), "there is no model file"),
        (lambda house: house.model.write_bytes(b"no model"), "ONNX Runtime"),
        (lambda house: house.sequence_model(), "the model's output 'all' is a seq(tensor(float)), which cannot"),
    ],
)
def test_a_model_that_cannot_be_served_is_told_and_nothing_is_ready(house: "House", break_it: Any, said: str) -> None:
    break_it(house)
    server = house.start()
    told = server.communicate(timeout=60)[1]
    assert server.returncode == 4
    assert told.startswith(said)
    assert "Traceback" not in told
    assert not house.ready.exists()


def test_a_taken_port_is_told(house: "House") -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = house.start("--port", str(taken.getsockname()[1]))
        told = server.communicate(timeout=60)[1]
    assert server.returncode == 4
    assert "cannot be had" in told
    assert "port 0 takes a free one" in told


@pytest.mark.parametrize("arguments", [["--name", "a/b"], ["--port", "x"], ["--nonsense"]])
def test_a_wrong_command_line_is_refused(house: "House", arguments: list[str]) -> None:
    server = house.start(*arguments)
    told = server.communicate(timeout=60)[1]
    assert server.returncode == 2
    assert "usage: python -m mlagent.serving" in told
