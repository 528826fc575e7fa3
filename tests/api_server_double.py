"""A double of an API server, a real HTTP server, that says what a test wants."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

TOKEN = "eyJhbGciOiJSUzI1NiJ9.planted-token.signature"
SERVED: dict[str, dict[str, tuple[str, bool]]] = {
    "/api/v1": {"ConfigMap": ("configmaps", True), "Pod": ("pods", True), "Node": ("nodes", False)},
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
    "/apis/coordination.k8s.io/v1": {"Lease": ("leases", True)},
}


class Answer(NamedTuple):
    """`status` 0 breaks the connection, -1 keeps it open and silent until the test ends."""

    status: int
    body: Any = None
    content_type: str = "application/json"


class Seen(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def status(code: int, message: str, reason: str = "", **details: Any) -> Answer:
    """A no as the API server writes it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return Answer(code, {**body, "code": code, "details": details})


class Double:
    """The first answer whose pattern fits `METHOD /path`, else discovery, else 404."""

    def __init__(self) -> None:
        self.url, self.over = "", threading.Event()
        self.answers: list[tuple[str, Answer]] = []
        self.seen: list[Seen] = []

    def says(self, pattern: str, answer: Answer) -> None:
        self.answers.insert(0, (pattern, answer))

    def asked(self, pattern: str) -> list[Seen]:
        return [one for one in self.seen if re.search(pattern, f"{one.method} {one.target}")]

    def answer(self, method: str, target: str) -> Answer:
        planted = next((answer for pattern, answer in self.answers if re.search(pattern, f"{method} {target}")), None)
        if planted is not None:
            return planted
        if target in SERVED:
            kinds = [{"kind": kind, "name": name, "namespaced": so} for kind, (name, so) in SERVED[target].items()]
            return Answer(200, {"kind": "APIResourceList", "resources": kinds})
        return status(404, "the server could not find the requested resource", "NotFound")


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {key.lower(): value for key, value in self.headers.items()}
            double.seen.append(Seen(self.command, self.path, headers, body))
            answer = double.answer(self.command, self.path)
            if answer.status < 1:
                double.over.wait(10 if answer.status else 0)
                self.close_connection = True
                return
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815 - the library calls them so

        def log_message(self, *_: Any) -> None:
            """Silence."""

    return Handler


@contextmanager
def serving() -> Iterator[Double]:
    double = Double()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(double)) as server:
        double.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield double
        finally:
            double.over.set()
            server.shutdown()


def kubeconfig(server: str, user: dict[str, Any] | None = None, **cluster: Any) -> str:
    """A kubeconfig's text, in JSON, which is YAML as well."""
    config = {
        "current-context": "shop",
        "contexts": [{"name": "shop", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
    }
    return json.dumps(config)
