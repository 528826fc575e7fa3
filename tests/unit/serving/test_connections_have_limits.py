"""One client at a time may send too much, too slowly, or not read its answers: it costs the others nothing."""

from typing import TYPE_CHECKING

import pytest

from mlagent.serving.connection import Limits
from mlagent.serving.crowd import Crowd
from tests.unit.serving.conftest import answers

if TYPE_CHECKING:
    from tests.unit.serving.conftest import Answer, Caller, Wire

GET = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\n\r\n"
LATER = 1e12  # a moment after every limit


def statuses(wire: "Wire") -> list[int]:
    return [one.status for one in answered(wire)]


def answered(wire: "Wire") -> "list[Answer]":
    return answers(wire.written)


def test_pipelined_requests_are_answered_in_their_order(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(GET + GET.replace(b"/live", b"/ready") + GET.replace(b"/health/live", b"/nothing"))
    assert [one.json for one in answered(wire)][:2] == [{"live": True}, {"ready": True}]
    assert statuses(wire) == [200, 200, 404]
    assert not wire.closed


def test_a_request_may_come_byte_by_byte(caller: "Caller") -> None:
    connection, wire = caller.connect()
    for at in range(len(GET)):
        connection.data_received(GET[at : at + 1])
    assert statuses(wire) == [200]


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        (b"nonsense\r\n\r\n", 400, "no HTTP/1.1 request"),
        (b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", 400, "HTTP/2.0 is not spoken here"),
        (b"GET /\r\n\r\n", 400, "HTTP/0.9 is not spoken here"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "no Host"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "more than one Host"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414, "longer than 8192 bytes"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 40_000 + b"\r\n\r\n", 431, "longer than 32768 bytes"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: 1\r\n" % n for n in range(200)), 431, "or 100 fields"),
        (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400, "HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n", 400, "HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 400, "only 'chunked'"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\n\r\n", 417, "100-continue"),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9999\r\n\r\n", 413, "over the limit of 1000 bytes"),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 400, "no other protocol"),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, "HTTP/1.1"),
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(
    caller: "Caller", sent: bytes, status: int, says: str
) -> None:
    connection, wire = caller.connect()
    connection.data_received(sent)
    connection.data_received(GET)
    (told,) = answered(wire)
    assert (told.status, says in told.json["error"]) == (status, True)
    assert told.headers[b"connection"] == b"close"
    assert wire.ended
    connection.expired(LATER)
    assert wire.closed


def test_a_refusal_waits_for_the_answers_before_it(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(GET + GET + b"nonsense\r\n\r\n")
    assert statuses(wire) == [200, 200, 400]


def test_a_head_that_does_not_end_is_refused_in_time(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(GET[:10])
    caller.crowd.sweep(connection.due - 1)
    assert wire.written == b""
    caller.crowd.sweep(LATER)
    assert statuses(wire) == [408]


def test_a_body_that_does_not_come_is_refused_in_time_and_an_idle_client_is_left_alone(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
    caller.crowd.sweep(LATER)
    assert statuses(wire) == [408]
    _, idle = caller.connect()
    caller.crowd.sweep(LATER)
    assert (idle.written, idle.closed) == (b"", True)


def test_a_client_that_does_not_read_is_not_read_from_and_is_left_in_time(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.pause_writing()
    connection.data_received(GET)
    assert (wire.written, wire.paused) == (b"", True)
    connection.resume_writing()
    assert (statuses(wire), wire.paused) == ([200], False)
    connection.pause_writing()
    caller.crowd.sweep(LATER)
    assert wire.closed


def test_a_connection_ends_after_so_many_requests_with_an_answer_that_says_so(caller: "Caller") -> None:
    connection, wire = caller.connect(limits=Limits(requests=10))
    while not wire.closed:
        connection.data_received(GET)
    told = answered(wire)
    assert 9 <= len(told) <= 11
    assert [b"connection" in one.headers for one in told] == [False] * (len(told) - 1) + [True]


def test_a_connection_ends_after_so_many_seconds(caller: "Caller") -> None:
    connection, wire = caller.connect(limits=Limits(seconds=0))
    connection.data_received(GET)
    assert [one.headers[b"connection"] for one in answered(wire)] == [b"close"]
    assert wire.closed


def test_as_many_are_let_in_as_may_be(caller: "Caller") -> None:
    caller.crowd = Crowd(caller.health, most=1)
    caller.connect()
    _, second = caller.connect()
    (told,) = answered(second)
    assert (told.status, told.headers[b"retry-after"]) == (503, b"1")
    assert second.closed


def test_bodies_together_take_no_more_memory_than_they_may(caller: "Caller") -> None:
    caller.crowd = Crowd(caller.health, bytes_most=1000)
    post = b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\n"
    first, _ = caller.connect()
    first.data_received(post + b"x" * 800)
    second, wire = caller.connect()
    second.data_received(post)
    assert [(one.status, one.headers[b"retry-after"]) for one in answered(wire)] == [(503, b"1")]
    first.connection_lost(None)
    assert caller.crowd.held == 0
    third, wire = caller.connect()
    third.data_received(post + b"x" * 900)
    assert statuses(wire) == [400]
    assert caller.crowd.held == 0


def test_no_more_than_some_requests_are_held_that_were_sent_ahead(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.pause_writing()
    connection.data_received(GET * 1000)
    connection.resume_writing()
    assert statuses(wire) == [200] * 500 + [400]


def test_who_waits_for_it_is_told_that_its_body_is_wanted(caller: "Caller") -> None:
    connection, wire = caller.connect()
    head = b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    connection.data_received(head)
    assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.data_received(b"{}")
    assert b"HTTP/1.1 400 " in wire.written


def test_a_client_that_offers_http2_is_answered_in_http1_with_its_body_read(caller: "Caller") -> None:
    connection, wire = caller.connect()
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
    head = b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\n" + offer + b"content-length: 14\r\n\r\n"
    connection.data_received(head + b'{"inputs"')
    connection.data_received(b": []}" + GET)
    first, second = answered(wire)
    assert (first.status, first.json["error"][:9], second.status) == (400, "input 'x'", 200)


def test_head_has_the_length_and_no_body(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(GET.replace(b"GET", b"HEAD"))
    assert wire.written.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 13\r\n" in wire.written
    assert wire.written.endswith(b"\r\n\r\n")


def test_http_1_0_is_answered_and_its_connection_closed(caller: "Caller") -> None:
    connection, wire = caller.connect()
    connection.data_received(b"GET /v2/health/live HTTP/1.0\r\n\r\n")
    assert statuses(wire) == [200]
    assert wire.closed


def test_when_the_end_has_begun_every_answer_closes(caller: "Caller") -> None:
    connection, wire = caller.connect()
    caller.health.ready = False
    connection.data_received(GET)
    assert [one.headers[b"connection"] for one in answered(wire)] == [b"close"]
    assert wire.closed


@pytest.mark.parametrize(
    "target",
    [b"/v2/health/live?x=1", b"http://a/v2/health/live", b"/v2/health/%6cive", b"/v2/health/live?a=%ff#b"],
)
def test_a_target_may_be_spelled_in_other_ways(caller: "Caller", target: bytes) -> None:
    connection, wire = caller.connect()
    connection.data_received(GET.replace(b"/v2/health/live", target))
    assert statuses(wire) == [200]


@pytest.mark.parametrize("target", [b"*", b"http://[", b"//", b"/%00", b"http://a"])
def test_a_target_that_is_none_is_not_found(caller: "Caller", target: bytes) -> None:
    connection, wire = caller.connect()
    connection.data_received(GET.replace(b"/v2/health/live", target))
    assert statuses(wire) in ([404], [400])
