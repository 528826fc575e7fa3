"""One HTTP request as it was read, and what answers it."""

from collections.abc import Callable
from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]
JSON = b"application/json"


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
