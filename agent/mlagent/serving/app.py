"""Routes as one bare ASGI callable: the body in, an answer or a refusal out, every request counted.

Inference runs in the event loop: a micro inference (10 to 50 us) is over before handing it to a thread would be.
A model that computes for milliseconds would hold up the health routes; such a one needs another form of server.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

import msgspec

from mlagent.serving.faults import Refused
from mlagent.serving.metrics import Meter
from mlagent.serving.routes import JSON, Health, Route, find

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_LIMIT = 16 * 1024 * 1024
GONE = 499  # counted where the client left before its request was whole; nobody is sent it
OTHER = "other"
VERSION = b"x-model-version"
_ENCODER = msgspec.json.Encoder()
_LOG = logging.getLogger(__name__)


class App:
    """Answers the routes of one port."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        health: Health,
        meter: Meter,
        *,
        body_limit: int = BODY_LIMIT,
        version: str = "",
    ) -> None:
        """`body_limit` is in bytes; every answer names the `version`, if there is one."""
        self._routes, self._health, self._meter, self._limit = routes, health, meter, body_limit
        self._named = [(VERSION, version.encode())] if version else []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a client that leaves early gets nothing."""
        begun, meter, status = perf_counter(), self._meter, 500
        meter.in_flight += 1
        try:
            status = await self._answer(scope, receive, send)
        finally:
            meter.in_flight -= 1
            path = scope["path"]
            meter.count(path if path in self._routes else OTHER, status, perf_counter() - begun)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> int:
        """Answer, and give the status."""
        headers: Mapping[str, str] = {}
        status, kind, answer = 200, JSON, None
        try:
            route = find(self._routes, scope["method"], scope["path"])
            answer = route.answer(await self._body(scope, receive) if route.method == "POST" else b"")
            kind = route.content_type
        except _Gone:
            return GONE
        except Refused as refused:
            status, answer, headers = refused.status, refused.answer, refused.headers
        except Exception:  # noqa: BLE001  the last door: whatever is left is ours, told in the log only
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            status, answer = 500, {"error": "the server failed on this request; its log says why"}
        if not self._health.ready:
            headers = {**headers, "connection": "close"}  # so that the next request goes elsewhere
        body = answer.encode() if isinstance(answer, str) else _ENCODER.encode(answer)
        headers = {"content-type": kind, "content-length": str(len(body)), **headers}
        await _send(send, status, body, [*_encoded(headers), *self._named])
        return status

    async def _body(self, scope: Message, receive: Receive) -> bytes:
        """Collect the body; Refused (413) as soon as it is known to be too long."""
        headers = dict(scope["headers"])
        if b"inference-header-content-length" in headers:
            raise Refused(400, "binary tensors are not served here: send JSON data, without that header")
        length = headers.get(b"content-length", b"0")
        self._refuse_over_limit(int(length) if length.isdigit() else 0)
        body, more = bytearray(), True
        while more:
            try:
                message = await receive()
            except asyncio.CancelledError as error:
                raise Refused(408, "the body had not come whole when the server had to end") from error
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            self._refuse_over_limit(len(body))
            more = message.get("more_body", False)
        return bytes(body)

    def _refuse_over_limit(self, length: int) -> None:
        if length > self._limit:
            raise Refused(413, f"the body is over the limit of {self._limit} bytes: send fewer rows at a time")


class _Gone(Exception):
    """The client left before its request was whole."""


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.encode(), text.encode()) for name, text in headers.items()]


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
