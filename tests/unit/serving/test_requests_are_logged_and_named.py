"""The access log, and what a request is called: its own id and trace come back, and stand in the log."""

import io
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlagent.serving import access
from mlagent.serving.access import AccessLog
from mlagent.serving.app import App
from mlagent.serving.message import Request
from mlagent.serving.metrics import Meter
from mlagent.serving.routes import LIVE, Health, Route
from tests.unit.serving.conftest import Answer, answers

if TYPE_CHECKING:
    from tests.unit.serving.conftest import Caller

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def lines(to: io.StringIO, count: int) -> list[dict[str, Any]]:
    """So many lines, as soon as they are written."""
    end = time.monotonic() + 20
    while to.getvalue().count("\n") < count:
        assert time.monotonic() < end
        time.sleep(0.005)
    return [json.loads(one) for one in to.getvalue().splitlines()]


def ask(caller: "Caller", log: AccessLog | None, *fields: str, path: str = LIVE) -> Answer:
    def failing(_: Request) -> None:
        raise RuntimeError

    routes = {LIVE: Route("GET", Health().live, LIVE), "/fails": Route("GET", failing, "/fails")}
    connection, wire = caller.connect(App(routes, Meter({}, list(routes)), log=log))
    head = "".join(f"{one}\r\n" for one in ("host: a", *fields))
    connection.data_received(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    return answers(wire.written)[0]


def test_a_line_says_what_was_asked_and_how_it_went_and_nothing_of_the_client(caller: "Caller") -> None:
    to = io.StringIO()
    told = ask(caller, AccessLog(1.0, to), "x-request-id: abc", f"traceparent: {TRACE}", path=f"{LIVE}?secret=1")
    (line,) = lines(to, 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 <= line.pop("seconds") < 5
    assert line == {
        "method": "GET",
        "route": LIVE,
        "status": 200,
        "bytes_in": 0,
        "bytes_out": len(b'{"live":true}'),
        "rows": 0,
        "request_id": "abc",
        "traceparent": TRACE,
    }
    assert (told.headers[b"x-request-id"], told.headers[b"traceparent"]) == (b"abc", TRACE.encode())


def test_of_none_wanted_only_what_the_server_failed_is_written(
    caller: "Caller", caplog: pytest.LogCaptureFixture
) -> None:
    to = io.StringIO()
    log = AccessLog(0.0, to)
    for path in (LIVE, "/nowhere", "/fails"):
        ask(caller, log, path=path)
    (line,) = lines(to, 1)
    assert (line["route"], line["status"]) == ("/fails", 500)
    assert "a request failed" in caplog.text


def test_a_share_is_about_that_share(caller: "Caller") -> None:
    to = io.StringIO()
    log = AccessLog(0.5, to)
    for _ in range(400):
        ask(caller, log)
    assert 120 < len(lines(to, 120)) < 280


class Stuck(io.StringIO):
    """A reader that stands still."""

    def write(self, _: str) -> int:
        time.sleep(1000)
        return 0


def test_a_reader_that_stands_still_holds_nobody_up(caller: "Caller", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "WAITING", 10)
    log = AccessLog(1.0, Stuck())
    assert [ask(caller, log).status for _ in range(50)] == [200] * 50
    assert log.dropped > 30


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "é"])
def test_an_id_that_is_none_is_replaced_by_one_of_our_own(caller: "Caller", name: str) -> None:
    told = {ask(caller, None, f"x-request-id: {name}").headers[b"x-request-id"] for _ in range(3)}
    assert len(told) == 3
    assert all(re.fullmatch(rb"[0-9a-f]{12}-\d+", one) for one in told)


@pytest.mark.parametrize("trace", ["", "00-xyz", TRACE.upper(), f"{TRACE}-more"])
def test_a_trace_that_is_none_is_not_told_back(caller: "Caller", trace: str) -> None:
    assert b"traceparent" not in ask(caller, None, f"traceparent: {trace}").headers
