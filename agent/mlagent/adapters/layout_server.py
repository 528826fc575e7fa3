"""A registry on loopback for the time of a pull: read-only, over files by digest, under whatever name is asked."""

import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from mlagent.core import oci

_ASKED = re.compile(r"/v2/(?P<name>[a-z0-9._/-]+)/(?P<kind>manifests|blobs)/(?P<digest>sha256:[0-9a-f]{64})")


@contextmanager
def serving(pieces: Mapping[str, Path]) -> Iterator[str]:
    """Serve the pieces of images on a free port of 127.0.0.1; yields `127.0.0.1:PORT`."""

    class Handler(_Handler):
        files = pieces

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers what a pull by digest asks, and nothing else."""

    protocol_version = "HTTP/1.1"
    files: Mapping[str, Path]

    def do_GET(self) -> None:
        """Give the piece."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Say that it is there."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: the engine tells what it pulls."""

    def _answer(self, *, with_body: bool) -> None:
        found = _ASKED.fullmatch(self.path)
        path = self.files.get(found["digest"]) if found else None
        if self.path == "/v2/":
            self._head(200, "application/json", 2)
            self.wfile.write(b"{}" if with_body else b"")
        elif found is None or path is None:
            self._head(404, "application/json", 2)
            self.wfile.write(b"{}" if with_body else b"")
        else:
            self._piece(path, found["kind"], found["digest"], with_body=with_body)

    def _piece(self, path: Path, kind: str, digest: str, *, with_body: bool) -> None:
        manifest = kind == "manifests"
        with path.open("rb") as file:
            self._head(200, _media_type(path) if manifest else "application/octet-stream", path.stat().st_size, digest)
            if with_body:
                with suppress(ConnectionError):  # whoever asked went away
                    shutil.copyfileobj(file, self.wfile, 1 << 20)

    def _head(self, status: int, kind: str, size: int, digest: str = "") -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()


def _media_type(path: Path) -> str:
    return msgspec.json.decode(path.read_bytes(), type=oci.Manifest).media_type or oci.MANIFEST
