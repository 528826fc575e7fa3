"""A double of a registry of images, a real HTTP server, that fails on purpose."""

import base64
import json
import re
import ssl
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from mlagent.core.digest import of_bytes
from mlagent.core.oci import INDEX

USER, PASSWORD = "ci", "correct-horse-battery"
IDENTITY = "identity-of-ci"


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


class Fault(NamedTuple):
    """What happens to the next request that fits: an answer, or a connection that breaks after `take` bytes of body.

    `after`: it was carried out, and nobody hears of it.
    """

    method: str
    path: str
    answer: Answer | None = None
    take: int = 0
    after: bool = False


class Seen(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    size: int


class Double:
    """The registry; a test may look into it and plant faults."""

    def __init__(self) -> None:
        self.url, self.host, self.login = "", "", "none"
        self.blobs: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self.manifests: defaultdict[str, dict[str, tuple[bytes, str]]] = defaultdict(dict)
        self.tags: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.uploads: dict[str, bytearray] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.received = 0
        self.tokens: dict[str, tuple[str, int]] = {}
        self.token_life, self.spent_tokens = 300, 0
        self.elsewhere = self.realm = ""  # the URLs of other servers: one that keeps the blobs, one that gives tokens
        self.least_chunk, self.most_body = 0, 0
        self.chunks, self.knows_ranges, self.refuses_mounts = True, True, False
        self.lists_referrers = False

    def count(self, method: str, pattern: str = "") -> int:
        return sum(one.method == method and re.search(pattern, one.target) is not None for one in self.seen)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/token":
            return self._token(method, query, headers, body)
        if (refused := self._refused(method, headers.get("authorization", ""))) is not None:
            return refused
        if self.most_body and len(body) > self.most_body:
            return Answer(413, b"<html>too large</html>")
        for pattern, handle in ROUTES:
            if found := re.fullmatch(pattern, f"{method} {parts.path}"):
                return handle(self, query=query, headers=headers, body=body, **found.groupdict())
        return error(404, "NAME_UNKNOWN")

    def _refused(self, method: str, said: str) -> Answer | None:
        if self.login == "none":
            return None
        if self.login == "basic":
            fine = said == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            return None if fine else Answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="the registry"'})
        scopes, left = self.tokens.get(said.removeprefix("Bearer "), ("", 0))
        if left and (method in ("GET", "HEAD") or "push" in scopes or "delete" in scopes):
            self.tokens[said.removeprefix("Bearer ")] = (scopes, left - 1)
            return None
        realm = self.realm or f"{self.url}/token"
        challenge = f'Bearer realm="{realm}",service="double, the",scope="repository:x:pull",error="insufficient_scope"'
        return Answer(401, b"{}", {"WWW-Authenticate": challenge})

    def _token(self, method: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        asked = query if method == "GET" else {key: value[0] for key, value in parse_qs(body.decode()).items()}
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("authorization") != basic and asked.get("refresh_token") != IDENTITY:
            return error(401, "UNAUTHORIZED")
        if asked.get("service") != "double, the":
            return error(400, "SERVICE")
        token = uuid.uuid4().hex
        self.tokens[token] = (asked.get("scope", ""), self.spent_tokens or 10**6)
        name = "token" if method == "GET" else "access_token"
        return Answer(200, json.dumps({name: token, "expires_in": self.token_life}).encode())

    def get_blob(self, path: str, digest: str, headers: dict[str, str], **_: Any) -> Answer:
        data = self.blobs[path].get(digest)
        if data is None:
            return error(404, "BLOB_UNKNOWN")
        if self.elsewhere:
            return Answer(307, b"", {"Location": f"{self.elsewhere}/kept/{digest}"})
        return self._part(data, headers)

    def get_kept(self, digest: str, headers: dict[str, str], **_: Any) -> Answer:
        data = next((one[digest] for one in self.blobs.values() if digest in one), None)
        return error(404, "BLOB_UNKNOWN") if data is None else self._part(data, headers)

    def _part(self, data: bytes, headers: dict[str, str]) -> Answer:
        found = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if not found or not self.knows_ranges:
            return Answer(200, data)
        start = int(found[1])
        return Answer(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})

    def get_manifest(self, path: str, reference: str, **_: Any) -> Answer:
        digest = self.tags[path].get(reference, reference)
        if digest not in self.manifests[path]:
            return error(404, "MANIFEST_UNKNOWN")
        data, kind = self.manifests[path][digest]
        return Answer(200, data, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def put_manifest(self, path: str, reference: str, headers: dict[str, str], body: bytes, **_: Any) -> Answer:
        digest, parsed = of_bytes(body), json.loads(body)
        pieces = [*parsed.get("layers", []), *(parsed[one] for one in ("config",) if one in parsed)]
        if any(one["digest"] not in self.blobs[path] for one in pieces):
            return error(400, "MANIFEST_BLOB_UNKNOWN")
        if any(one["digest"] not in self.manifests[path] for one in parsed.get("manifests", [])):
            return error(400, "MANIFEST_UNKNOWN")
        self.manifests[path][digest] = (body, headers["content-type"])
        if not reference.startswith("sha256:"):
            self.tags[path][reference] = digest
        kept = self.lists_referrers and "subject" in parsed
        more = {"OCI-Subject": parsed["subject"]["digest"]} if kept else {}
        return Answer(201, b"", {"Docker-Content-Digest": digest, **more})

    def list_referrers(self, path: str, digest: str, query: dict[str, str], **_: Any) -> Answer:
        """One a page."""
        if not self.lists_referrers:
            return Answer(404, b"404 page not found")
        known = {one: json.loads(data) for one, (data, _) in self.manifests[path].items()}
        names = [one for one in sorted(known) if known[one].get("subject", {}).get("digest") == digest]
        names = [one for one in names if one > query.get("last", "")]
        found = [self._described(path, one, known[one]) for one in names[:1]]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}
        link = {"Link": f'</v2/{path}/referrers/{digest}?last={names[0]}>; rel="next"'} if len(names) > 1 else {}
        return Answer(200, json.dumps(index).encode(), {"Content-Type": INDEX, **link})

    def _described(self, path: str, digest: str, parsed: dict[str, Any]) -> dict[str, Any]:
        data, kind = self.manifests[path][digest]
        about = {"artifactType": parsed.get("artifactType"), "annotations": parsed.get("annotations", {})}
        return {"mediaType": kind, "digest": digest, "size": len(data), **about}

    def delete_manifest(self, path: str, reference: str, **_: Any) -> Answer:
        self.tags[path] = {tag: digest for tag, digest in self.tags[path].items() if digest != reference}
        return Answer(202) if self.manifests[path].pop(reference, None) else error(404, "MANIFEST_UNKNOWN")

    def list_tags(self, path: str, query: dict[str, str], **_: Any) -> Answer:
        """Two a page."""
        if path not in self.manifests:
            return error(404, "NAME_UNKNOWN")
        names = [one for one in sorted(self.tags[path]) if one > query.get("last", "")]
        link = {"Link": f'</v2/{path}/tags/list?last={names[1]}&n=2>; rel="next"'} if len(names) > 2 else {}
        return Answer(200, json.dumps({"name": path, "tags": names[:2] or None}).encode(), link)

    def begin(self, path: str, query: dict[str, str], **_: Any) -> Answer:
        digest, lender = query.get("mount", ""), query.get("from", "")
        if digest and self.refuses_mounts:
            return error(403, "DENIED")
        if digest and digest in self.blobs[lender]:
            self.blobs[path][digest] = self.blobs[lender][digest]
            return Answer(201, b"", {"Location": f"/v2/{path}/blobs/{digest}"})
        name = uuid.uuid4().hex
        self.uploads[name] = bytearray()
        least = {"OCI-Chunk-Min-Length": str(self.least_chunk)} if self.least_chunk else {}
        return Answer(202, b"", {**self._stands(path, name, 202).headers, **least})

    def send_part(self, path: str, name: str, headers: dict[str, str], body: bytes, **_: Any) -> Answer:
        if name not in self.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN")
        if not self.chunks:
            return error(400, "UNSUPPORTED")
        if int(headers["content-range"].partition("-")[0]) != len(self.uploads[name]):
            return error(416, "RANGE_INVALID")
        self.uploads[name] += body
        return self._stands(path, name, 202)

    def where(self, path: str, name: str, **_: Any) -> Answer:
        return self._stands(path, name, 204) if name in self.uploads else error(404, "BLOB_UPLOAD_UNKNOWN")

    def finish(self, path: str, name: str, query: dict[str, str], body: bytes, **_: Any) -> Answer:
        if name not in self.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN")
        data = bytes(self.uploads.pop(name) + body)
        if of_bytes(data) != query["digest"]:
            return error(400, "DIGEST_INVALID")
        self.blobs[path][query["digest"]] = data
        return Answer(201, b"", {"Location": f"/v2/{path}/blobs/{query['digest']}"})

    def cancel(self, name: str, **_: Any) -> Answer:
        return Answer(204) if self.uploads.pop(name, None) is not None else error(404, "BLOB_UPLOAD_UNKNOWN")

    def _stands(self, path: str, name: str, status: int) -> Answer:
        """A location that is relative, and another one each time."""
        at = f"/v2/{path}/blobs/uploads/{name}?_state={quote(str(uuid.uuid4()))}"
        return Answer(status, b"", {"Location": at, "Range": f"0-{max(len(self.uploads[name]) - 1, 0)}"})


_BLOB = r"/v2/(?P<path>.+)/blobs/(?P<digest>sha256:[0-9a-f]{64})"
_UPLOAD = r"/v2/(?P<path>.+)/blobs/uploads/(?P<name>[0-9a-f]+)"
_MANIFEST = r"/v2/(?P<path>.+)/manifests/(?P<reference>.+)"
ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    (r"GET /v2/", lambda _self, **_: Answer(200, b"{}")),
    (f"(?:GET|HEAD) {_BLOB}", Double.get_blob),
    (r"(?:GET|HEAD) /kept/(?P<digest>.+)", Double.get_kept),
    (r"POST /v2/(?P<path>.+)/blobs/uploads/", Double.begin),
    (f"PATCH {_UPLOAD}", Double.send_part),
    (f"GET {_UPLOAD}", Double.where),
    (f"PUT {_UPLOAD}", Double.finish),
    (f"DELETE {_UPLOAD}", Double.cancel),
    (f"GET {_MANIFEST}", Double.get_manifest),
    (f"PUT {_MANIFEST}", Double.put_manifest),
    (f"DELETE {_MANIFEST}", Double.delete_manifest),
    (r"GET /v2/(?P<path>.+)/tags/list", Double.list_tags),
    (r"GET /v2/(?P<path>.+)/referrers/(?P<digest>sha256:[0-9a-f]{64})", Double.list_referrers),
]


def error(status: int, code: str, message: str = "as was asked for") -> Answer:
    return Answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())


class Handler(BaseHTTPRequestHandler):
    """One connection to the double that `bound` puts there."""

    protocol_version, timeout, disable_nagle_algorithm = "HTTP/1.1", 30, True
    double: Double

    def answered(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        size = int(headers.get("content-length", 0))
        self.double.seen.append(Seen(self.command, self.path, headers, size))
        planted = (one for one in self.double.faults if one.method == self.command and re.search(one.path, self.path))
        fault = next(planted, None)
        if fault is None:
            self._tell(self.double.answer(self.command, self.path, headers, self._body(size)))
            return
        self.double.faults.remove(fault)
        if fault.answer is not None:
            self._body(size)
            self._tell(fault.answer)
            return
        self._break(fault, headers, size)
        self.close_connection = True

    def _body(self, size: int) -> bytes:
        body = self.rfile.read(size)
        self.double.received += len(body)
        return body

    def _break(self, fault: Fault, headers: dict[str, str], size: int) -> None:
        if fault.after:
            self.double.answer(self.command, self.path, headers, self._body(size))
        elif self.command == "PATCH":
            name = urlsplit(self.path).path.rpartition("/")[2]
            self.double.uploads[name] += self._body(min(fault.take, size))
        elif fault.take:
            found = self.double.answer(self.command, self.path, headers, self._body(size))
            self._head(found)
            self.wfile.write(found.body[: fault.take])

    def _head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _tell(self, answer: Answer) -> None:
        self._head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answered  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""


@contextmanager
def serving(files: tuple[Path, Path] | None = None, port: int = 0) -> Iterator[Double]:
    """Serve it on loopback, with TLS where a certificate and its key are given."""
    double = Double()
    bound = type("Bound", (Handler,), {"double": double})
    with Server(("127.0.0.1", port), bound) as server:
        if files is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*files)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        double.host = f"127.0.0.1:{server.server_port}"
        double.url = f"{'https' if files else 'http'}://{double.host}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
