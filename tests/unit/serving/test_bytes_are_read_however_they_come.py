"""Whatever bytes come, and however they are split: nothing is raised, and the answers are the same."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.serving.connection import Connection
from tests.unit.serving.conftest import Adder, Caller, Wire

POST = b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\n"
PIECES = (
    b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /v2/health/live?%zz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    POST + b"content-length: 2\r\n\r\n{}",
    POST + b"transfer-encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nx: y\r\n\r\n",
    POST + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\n{}",
    POST + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}",
    POST + b"content-length: 2000\r\n\r\n{}",
    b"HEAD /v2 HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 300 + b"\r\n\r\n",
    b"nonsense\r\n\r\n",
)
many = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
scratches = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), max_size=4)
_CHANGING = re.compile(rb"(date|x-request-id): [^\r]*\r\n|HTTP/1.1 100 Continue\r\n\r\n")


def told(*parts: bytes) -> tuple[bytes, bool, bool, int]:
    """What is answered, whether more would be read, and what is held, without what changes from time to time."""
    caller = Caller("adder", Adder())
    connection, wire = caller.connect()
    for part in parts:
        received(connection, wire, part)
    found = _CHANGING.sub(b"", wire.written), wire.closed, wire.ended
    connection.connection_lost(None)
    return *found, caller.crowd.held


def received(connection: Connection, wire: Wire, part: bytes) -> None:
    """As a transport does it: a closed one hands nothing on."""
    if not wire.closed:
        connection.data_received(part)


@settings(max_examples=150)
@given(many, scratches, st.lists(st.integers(0, 900), max_size=8))
def test_any_split_of_any_bytes_is_answered_alike_and_nothing_stays_held(
    sent: bytes, scratched: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    for at, put in scratched:
        sent = sent[:at] + put + sent[at + 1 :]
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    whole = told(sent)
    assert told(*(sent[one:other] for one, other in pairwise(places))) == whole
    assert whole[-1] == 0


@settings(max_examples=150)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_noise_is_refused_and_raises_nothing(parts: list[bytes]) -> None:
    written, *_, held = told(*parts)
    assert (written[:13] in (b"", b"HTTP/1.1 400 "), held) == (True, 0)


def test_offers_of_another_protocol_by_the_thousand_are_answered_one_by_one() -> None:
    offer = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
    written, closed, *_ = told(offer * 3000)
    assert (written.count(b"HTTP/1.1 200 "), closed) == (3000, False)


def test_an_offer_in_http_1_0_is_answered_in_it() -> None:
    written, closed, *_ = told(b"GET /v2/health/live HTTP/1.0\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
    assert (written[:13], closed) == (b"HTTP/1.1 200 ", True)


def test_what_comes_behind_the_last_request_is_not_answered() -> None:
    last = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    for behind in PIECES:
        written, closed, *_ = told(last + behind)
        assert (written.count(b"HTTP/1.1 "), closed) == (1, True)
