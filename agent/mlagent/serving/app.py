"""Finds the route of a request, lets it answer, and sends and counts what it answered."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from itertools import count
from time import perf_counter

from mlagent.serving.access import AccessLog
from mlagent.serving.faults import Refused
from mlagent.serving.message import Reply, Request, of_error
from mlagent.serving.metrics import OTHER, STATUSES, Meter
from mlagent.serving.routes import Route, find
from mlagent.serving.token import Token

GONE = 499  # counted where the client left before it was answered; nobody is sent it
Send = Callable[[bytes, bytes], None]
_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACE = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LOG = logging.getLogger(__name__)
_STATUS = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() for status in STATUSES if status != GONE
}


class App:
    """Answers the routes of one port."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        meter: Meter,
        *,
        version: str = "",
        token: Token | None = None,
        log: AccessLog | None = None,
    ) -> None:
        """Answers name the model's `version`, and who shows no `token` is refused, where there is one."""
        self._routes, self._meter, self._token, self._log = routes, meter, token, log
        self._named = f"x-model-version: {version}\r\n".encode() if version else b""
        self._ids, self._numbers = secrets.token_hex(6).encode(), count(1)
        self.tick()

    def tick(self) -> None:
        """Once a second: the date that answers bear; the token's file."""
        self._date = time.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime()).encode()
        if self._token:
            try:
                self._token.renew()
            except (OSError, ValueError) as error:
                _LOG.warning("the token file cannot be read, the token before it still counts: %s", error)

    def handle(self, request: Request, send: Send) -> None:
        """Have `send(head, body)` called once with the answer; the head lacks its last line."""
        self._meter.begin()
        request.answer = partial(self._answered, request, send, self._label(request))
        try:
            route = find(self._routes, request.method, request.path)
            if self._token and route.guarded:
                self._token.check(request.headers)
            if request.headers.get(b"content-encoding", b"identity") != b"identity":
                raise Refused(415, "bodies are not taken compressed", {"accept-encoding": "identity"})  # noqa: TRY301
            route.handler(request)
        except Exception as error:  # noqa: BLE001  the last door: whatever is left is ours, told in the log only
            request.answer(of_error(error))

    def refuse(self, request: Request | None, refused: Refused, send: Send) -> None:
        """Answer what is no request, or not whole."""
        self._meter.begin()
        asked = request or Request("-", "-", {}, perf_counter())
        self._answered(asked, send, self._label(asked), of_error(refused))

    def left(self, request: Request, *, begun: bool) -> None:
        """Count a client that left before it was answered; `begun`: after its request was handled."""
        if not begun:
            self._meter.begin()
        self._meter.count(self._label(request), GONE, perf_counter() - request.begun)
        request.answer = _nothing

    def _label(self, request: Request) -> str:
        route = self._routes.get(request.path)
        return route.label if route else OTHER

    def _answered(self, request: Request, send: Send, label: str, reply: Reply) -> None:
        status, body, kind, headers, rows = reply
        asked = request.headers
        name, trace = asked.get(b"x-request-id", b""), asked.get(b"traceparent", b"")
        if not _ID.fullmatch(name):
            name = self._ids + b"-%d" % next(self._numbers)
        head = b"%scontent-type: %s\r\ncontent-length: %d\r\n%s%sx-request-id: %s\r\n" % (
            *(_STATUS[status], kind, len(body)),
            *(self._date, self._named, name),
        )
        if trace and _TRACE.fullmatch(trace):
            head += b"traceparent: %s\r\n" % trace
        else:
            trace = b""
        for field, value in headers:
            head += b"%s: %s\r\n" % (field, value)
        seconds = perf_counter() - request.begun
        self._meter.count(label, status, seconds, rows)
        if self._log:
            self._log(request, label, status, seconds, len(body), rows, name, trace)
        request.answer = _nothing
        send(head, body)


def _nothing(_: Reply) -> None:
    """It has been answered."""
