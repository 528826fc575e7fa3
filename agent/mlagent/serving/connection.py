"""One TCP connection: whose turn it is, for how long, and when it ends.

No task and no timer is made for a request: `due` is the moment at which the connection is looked at again, by a sweep
over all of them (`Crowd`).
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, Protocol, cast

from mlagent.serving.crowd import Crowd
from mlagent.serving.faults import Refused
from mlagent.serving.message import Request
from mlagent.serving.reading import Reader

PIPELINED = 16  # requests read ahead of the one that is answered, before reading stops
AHEAD = 500  # so many may have come in what was read by then
NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"connection: close\r\n\r\n"


class Limits(NamedTuple):
    """Bytes of a body; seconds for a head, a whole request, an unused connection, a client that does not read.

    A connection is closed after about so many requests or seconds, with an answer that says so.
    """

    body: int = 16 << 20
    head_seconds: float = 10.0
    request_seconds: float = 60.0
    idle_seconds: float = 75.0  # longer than slow clients pause
    write_seconds: float = 30.0
    linger_seconds: float = 2.0
    requests: int = 10_000
    seconds: float = 300.0


class Handler(Protocol):
    """Answers requests: the App. Heads are given without their last line."""

    def handle(self, request: Request, send: Callable[[bytes, bytes], None]) -> None:
        """Have `send(head, body)` called once, now or later."""

    def refuse(self, request: Request | None, refused: Refused, send: Callable[[bytes, bytes], None]) -> None:
        """The same, at once, for what broke HTTP or a limit."""

    def left(self, request: Request, *, begun: bool) -> None:
        """The client left before its answer; `begun`: after it was handled."""


class Connection(asyncio.Protocol):
    """One client; at most one of its requests is being answered at a time."""

    def __init__(self, app: Handler, crowd: Crowd, limits: Limits) -> None:
        """Wait for the connection."""
        self._app, self._crowd, self._limits = app, crowd, limits
        self._reader = Reader(crowd, limits.body, self._came, self._body_wanted)
        self._waiting: deque[Request | Refused] = deque()
        self._current: Request | None = None
        self._over = self._full = self._advancing = self._paused = False
        self._answers = int(limits.requests * random.uniform(0.9, 1.1))  # noqa: S311  so that not all end at once
        self.due = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        now = perf_counter()
        self._until = now + self._limits.seconds * random.uniform(0.9, 1.1)  # noqa: S311
        self.due = now + self._limits.idle_seconds
        refused = self._crowd.enter(self)
        if refused:
            self._app.refuse(None, refused, self._write_last)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read on; after an end, what comes is not looked at."""
        if self._over:
            return
        reader, before = self._reader, self._reader.coming
        try:
            reader.feed(data)
        except Refused as refused:
            if not self._over:  # the last answer was to a request before it, of the same bytes
                self._refuse(refused)
        else:
            if reader.busy and self._current is None and not self._full:
                self._due_while_reading(anew=reader.coming is not before)

    def eof_received(self) -> None:
        """The client sends no more, and is left after what is written: one whose request is not whole is told so."""
        if self._reader.busy and not self._over:
            self._refuse(Refused(400, "the request ended before it was whole"))

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is done for it until it does."""
        self._full = True
        self._pause()
        self.due = perf_counter() + self._limits.write_seconds

    def resume_writing(self) -> None:
        """It reads again."""
        self._full = False
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what it asked for need not be computed."""
        del exc
        self._over, self.due = True, NEVER
        self._crowd.leave(self)
        self._reader.release(self._reader.held)
        coming = self._reader.drop()
        left, begun = self._current or coming, self._current is not None
        self._waiting.clear()
        self._current = None
        if left:
            left.gone = True
            self._app.left(left, begun=begun)

    @property
    def quiet(self) -> bool:
        """Nothing is being read or answered."""
        return self._current is None and not self._reader.busy and not self._waiting

    def expired(self, now: float) -> None:
        """It is `due`: end what took too long."""
        del now
        if self._over or self._full:
            self._transport.abort()
        elif self._reader.busy:
            self._refuse(Refused(408, "the request had not come whole in time"))
        elif self._current is None:
            self._transport.close()

    def end(self) -> None:
        """The server ends: close at once where nobody waits for an answer."""
        if self.quiet and not self._over:
            self._transport.close()

    def cut(self) -> None:
        """The server's time is over: whoever has not sent a whole request is told so."""
        if self._reader.busy and not self._over:
            self._refuse(Refused(408, "the body had not come whole when the server had to end"))

    def _came(self, request: Request) -> None:
        """A request is whole: answer it when those before it are; none behind the last answer."""
        if self._over:
            return
        if len(self._waiting) >= AHEAD:
            raise Refused(400, f"more than {AHEAD} requests were sent ahead of their answers")
        self._waiting.append(request)
        self._advance()
        if len(self._waiting) > PIPELINED:
            self._pause()

    def _pause(self) -> None:
        if not self._paused and not self._over:
            self._paused = True
            self._transport.pause_reading()

    def _body_wanted(self) -> None:
        """Tell a client that waits for it that its body is wanted."""
        if self._current is None and not self._waiting and not self._over:
            self._transport.write(CONTINUE)

    def _due_while_reading(self, *, anew: bool) -> None:
        """A head must be whole in time, and the whole in time; neither is put off by bytes that trickle in."""
        reader, limits = self._reader, self._limits
        if reader.coming is None:
            self.due = reader.begun + limits.head_seconds
        elif anew:
            self.due = reader.begun + limits.request_seconds

    def _advance(self) -> None:
        """Answer whoever waits, one after the other; then wait for more."""
        if self._advancing:
            return  # an answer came at once: the loop below goes on
        self._advancing = True
        while self._waiting and self._current is None and not self._full:
            one = self._waiting.popleft()
            if isinstance(one, Refused):
                self._app.refuse(None, one, self._send_last)
            else:
                self._current, self.due = one, NEVER
                self._app.handle(one, self._send)
        self._advancing = False
        if self._current is None and not self._full and not self._over:
            self._wait()

    def _wait(self) -> None:
        """Nobody is answered: read on, for so long."""
        if self._reader.busy:
            self._due_while_reading(anew=True)
        else:
            self.due = perf_counter() + self._limits.idle_seconds
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _send(self, head: bytes, body: bytes) -> None:
        """Answer the current request, and go on."""
        request = self._current
        if request is None:
            return  # it left meanwhile
        self._current = None
        self._reader.release(len(request.body))
        body = b"" if request.method == "HEAD" else body
        now = perf_counter()
        self._answers -= 1
        if request.keep and self._answers > 0 and now < self._until and self._crowd.wanted():
            self._transport.write(head + b"\r\n" + body)
            self._advance()
            return
        self._write_last(head, body)
        if self._waiting or self._reader.busy:
            self._linger()
        else:
            self._transport.close()

    def _refuse(self, refused: Refused) -> None:
        """Refuse what is coming in, after the answers that are owed; nothing more is read."""
        self._over = True
        request = self._reader.drop()
        if self._current is None and not self._waiting:
            self._app.refuse(request, refused, self._send_last)
        else:
            self._waiting.append(refused)
            self._advance()

    def _send_last(self, head: bytes, body: bytes) -> None:
        self._write_last(head, body)
        self._linger()

    def _write_last(self, head: bytes, body: bytes) -> None:
        self._over = True
        self._transport.write(head + _CLOSE + body)

    def _linger(self) -> None:
        """Let the client read its answer: a connection that is closed on unread data is reset, answer and all."""
        self._waiting.clear()
        self.due = perf_counter() + self._limits.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
