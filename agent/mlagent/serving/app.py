"""The routes of the Open Inference Protocol v2, as one bare ASGI callable.

Inference runs in the event loop: a micro inference (10 to 50 us) is over before handing it to a thread would be.
A model that computes for milliseconds would hold up the health routes; such a one needs another form of server.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import msgspec

from mlagent import __version__
from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Model, Tensor
from mlagent.serving.protocol import infer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LIVE, READY = "/v2/health/live", "/v2/health/ready"
BODY_LIMIT = 16 * 1024 * 1024
_ENCODER = msgspec.json.Encoder()
_LOG = logging.getLogger(__name__)


class Route(NamedTuple):
    """What answers a path; `answer` is handed the body (empty for GET) and gives what is encoded as JSON."""

    method: str
    answer: Callable[[bytes], object]


class App:
    """Serves one model under one name."""

    def __init__(self, name: str, model: Model, *, body_limit: int = BODY_LIMIT) -> None:
        """`body_limit` is in bytes."""
        self._name, self._model, self._limit = name, model, body_limit
        self._routes = self._make_routes()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a client that leaves early gets nothing."""
        headers: Mapping[str, str] = {}
        try:
            route = self._route(scope)
            status, answer = 200, route.answer(await self._body(scope, receive) if route.method == "POST" else b"")
        except _Gone:
            return
        except Refused as refused:
            status, answer, headers = refused.status, {"error": str(refused)}, refused.headers
        except Exception:  # noqa: BLE001  the last door: whatever is left is ours, told in the log only
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            status, answer = 500, {"error": "the server failed on this request; its log says why"}
        await _send(send, status, _ENCODER.encode(answer), headers)

    def _make_routes(self) -> dict[str, Route]:
        model, name = f"/v2/models/{self._name}", self._name
        return {
            LIVE: Route("GET", lambda _: {"live": True}),
            READY: Route("GET", lambda _: {"ready": True}),
            "/v2": Route("GET", lambda _: {"name": "mlagent", "version": __version__, "extensions": []}),
            model: Route("GET", lambda _: self._metadata()),
            f"{model}/ready": Route("GET", lambda _: {"name": name, "ready": True}),
            f"{model}/infer": Route("POST", lambda body: infer(name, self._model, body)),
        }

    def _route(self, scope: Message) -> Route:
        path, method = scope["path"], scope["method"]
        route = self._routes.get(path)
        if route is None:
            raise Refused(404, self._unknown(path))
        if method != route.method:
            raise Refused(405, f"{path} takes {route.method}, not {method}", {"allow": route.method})
        return route

    def _unknown(self, path: str) -> str:
        parts = path.split("/")
        if parts[:3] == ["", "v2", "models"] and len(parts) > 3 and parts[3] != self._name:
            return f"there is no model {parts[3]!r} here; this server has {self._name!r}"
        return f"there is nothing at {path}; here are {', '.join(self._routes)}"

    def _metadata(self) -> Mapping[str, object]:
        return {
            "name": self._name,
            "platform": "onnx_onnxv1",
            "inputs": [_described(tensor) for tensor in self._model.inputs],
            "outputs": [_described(tensor) for tensor in self._model.outputs],
        }

    async def _body(self, scope: Message, receive: Receive) -> bytes:
        """Collect the body; Refused (413) as soon as it is known to be too long."""
        headers = dict(scope["headers"])
        if b"inference-header-content-length" in headers:
            raise Refused(400, "binary tensors are not served here: send JSON data, without that header")
        length = headers.get(b"content-length", b"0")
        self._refuse_over_limit(int(length) if length.isdigit() else 0)
        body, more = bytearray(), True
        while more:
            message = await receive()
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


def _described(tensor: Tensor) -> Mapping[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": tensor.shape}


async def _send(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    lines = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    encoded = [(name.encode(), text.encode()) for name, text in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
