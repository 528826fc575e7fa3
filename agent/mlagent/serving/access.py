"""The access log: a JSON line on standard output for a share of the requests, and for each that the server failed."""

import queue
import random
import sys
import threading
import time
from typing import TextIO

import msgspec

from mlagent.serving.message import Request

WAITING = 10_000  # lines; more than a reader takes are dropped, and counted
FAILED = 500


class Line(msgspec.Struct, frozen=True):
    """One request: no address, no query, no part of a body stands in it."""

    time: str
    method: str
    route: str
    status: int
    seconds: float
    bytes_in: int
    bytes_out: int
    rows: int
    request_id: str
    traceparent: str


class AccessLog:
    """Writes in a thread of its own, so that a reader who stands still holds nobody up."""

    def __init__(self, share: float, to: TextIO | None = None) -> None:
        """`share` (0 .. 1) of the requests are written."""
        self._share, self._to = share, to or sys.stdout
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self.dropped = 0
        threading.Thread(target=self._write, daemon=True).start()

    def __call__(
        self, request: Request, route: str, status: int, seconds: float, size: int, rows: int, name: bytes, trace: bytes
    ) -> None:
        """Write a line for the answer, if it is drawn."""
        if status < FAILED and random.random() >= self._share:  # noqa: S311
            return
        if self._lines.qsize() > WAITING:
            self.dropped += 1
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        self._lines.put(
            Line(
                stamp,
                request.method,
                route,
                status,
                round(seconds, 6),
                len(request.body),
                size,
                rows,
                name.decode("latin-1"),
                trace.decode("latin-1"),
            )
        )

    def _write(self) -> None:
        encode = msgspec.json.Encoder().encode
        while True:
            line = self._lines.get()
            self._to.write(encode(line).decode() + "\n")
            if self._lines.empty():
                self._to.flush()
