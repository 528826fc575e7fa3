"""One HTTP request as it was read, and what answers it."""

import logging
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from mlagent.serving.faults import Gone, Refused

Headers = tuple[tuple[bytes, bytes], ...]
JSON = b"application/json"
_LOG = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """What a route answers; who sends it adds the headers that every answer has."""

    status: int
    body: bytes
    kind: bytes = JSON
    headers: Headers = ()
    rows: int = 0


class Request:
    """One request, whole; it is answered once, by `answer`, now or later, in the event loop.

    `headers` have lower-case names; `begun` is the moment of its head (perf_counter); `keep` whether the client wants
    the connection kept; `gone` whether it has left.
    """

    __slots__ = ("answer", "begun", "body", "gone", "headers", "keep", "method", "path")

    def __init__(self, method: str, path: str, headers: dict[bytes, bytes], begun: float, *, keep: bool = True) -> None:
        """Begin it; the body comes later."""
        self.method, self.path, self.headers, self.begun, self.keep = method, path, headers, begun, keep
        self.body, self.gone = b"", False
        self.answer: Callable[[Reply], None] = _nobody


def _nobody(_: Reply) -> None:
    """Nobody waits yet."""


def of_error(error: BaseException) -> Reply:
    """The answer to what went wrong; what nobody foresaw is told in the log only."""
    if not isinstance(error, Refused):
        if not isinstance(error, Gone):
            _LOG.error("a request failed", exc_info=error)
        error = Refused(500, "the server failed on this request; its log says why")
    fields = tuple((name.encode(), value.encode()) for name, value in error.headers.items())
    return Reply(error.status, encode(error.answer), JSON, fields)
