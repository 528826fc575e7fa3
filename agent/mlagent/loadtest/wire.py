"""What master and workers tell each other through Locust's own messages, in chunks of bounded size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.request import Request

CHUNK_BYTES = 1 << 19
_NAMES = ("hello", "part", "ready", "dealt", "go", "tick", "over")
HELLO, PART, READY, DEALT, GO, TICK, OVER = (f"mlagent.{name}" for name in _NAMES)


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's first word."""

    host: str
    pid: int
    mlagent: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to ask for: the request, and each target's file of golden rows."""

    request: Request
    golden: Sequence[bytes]


class Courses(msgspec.Struct, frozen=True, kw_only=True):
    """When each user of a worker asks (eight bytes a moment), and at which part of the golden rows they begin."""

    moments: Sequence[bytes]
    begins: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker saw: its samples as bytes, and itself."""

    rows: bytes
    first_wrong: Wrong | None
    cpu_share: float
    cpu_share_max: float
    clock_jump_seconds: float


def chunks(what: str, data: bytes) -> Iterator[dict[str, Any]]:
    """The messages (PART) that carry `data`; the last one says so. Empty data is one message."""
    for start in range(0, max(len(data), 1), CHUNK_BYTES):
        end = start + CHUNK_BYTES
        yield {"what": what, "data": data[start:end], "last": end >= len(data)}


class Inbox:
    """Puts together what comes in chunks, and hands it on by what it is; what is too much or unknown is refused."""

    def __init__(self, takers: Mapping[str, Callable[[bytes], None]], limit: int = 1 << 32) -> None:
        """A taker is handed all bytes of its thing when the last chunk came: at most `limit`."""
        self._takers, self._limit = takers, limit
        self._parts: dict[str, bytearray] = {}

    def put(self, message: Mapping[str, Any]) -> None:
        """Take one chunk; ValueError for one that is too much, KeyError for one that nobody takes."""
        what, data = message["what"], message["data"]
        take = self._takers[what]
        parts = self._parts.setdefault(what, bytearray())
        if len(parts) + len(data) > self._limit:
            raise ValueError(f"more than {self._limit} bytes of {what}")
        parts += data
        if message["last"]:
            take(bytes(self._parts.pop(what)))
