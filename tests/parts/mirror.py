"""A mirror for containerd, from which a cluster's node pulls what is in registries on this machine's loopback.

`python3 mirror.py ADDRESS:PORT`; the standard library does. Containerd tells in `ns` which registry it means: such a
one is asked as a Docker engine asks it: by TLS with whatever certificate, else without. Others have nothing here.
"""

import shutil
import ssl
import sys
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

LOOPBACK = ("127.0.0.1", "localhost")
ON_THE_WAY = {"connection", "host", "keep-alive", "transfer-encoding"}  # headers that are of one connection alone
SECONDS = 60.0


def unchecked() -> ssl.SSLContext:
    """Nobody else is on the way to loopback."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def asked(host: str, method: str, path: str, headers: Mapping[str, str]) -> HTTPResponse:
    """What the registry answers; OSError or HTTPException where there is none."""
    with suppress(ssl.SSLError):  # it speaks without TLS
        return sent(HTTPSConnection(host, timeout=SECONDS, context=unchecked()), method, path, headers)
    return sent(HTTPConnection(host, timeout=SECONDS), method, path, headers)


def sent(connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str]) -> HTTPResponse:
    """The answer to one request, which is the connection's last."""
    connection.request(method, path, headers={**headers, "Connection": "close"})
    return connection.getresponse()


class Mirror(BaseHTTPRequestHandler):
    """Each answer ends its connection."""

    def do_GET(self) -> None:
        """Pass it on; without `ns` it is asked whether anybody is here."""
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        host = query.pop("ns", "")
        if not host:
            self._end(200)
        elif host.rpartition(":")[0] not in LOOPBACK or not parts.path.startswith("/v2/"):
            self._end(404)
        else:
            self._pass(host, f"{parts.path}?{urlencode(query)}" if query else parts.path)

    def do_HEAD(self) -> None:
        """The same, of which no body comes."""
        self.do_GET()

    def _pass(self, host: str, path: str) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ON_THE_WAY}
        try:
            answer = asked(host, self.command, path, headers)
        except (OSError, HTTPException) as error:
            self.log_error("%s does not answer: %s", host, error)
            self._end(502)
            return
        with answer:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ON_THE_WAY | {"date", "server"}:
                    self.send_header(name, value)
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile)

    def _end(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(ThreadingHTTPServer):
    """Pulls come in threes and more at a time."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    address, _, port = sys.argv[1].rpartition(":")
    Server((address, int(port)), Mirror).serve_forever()
