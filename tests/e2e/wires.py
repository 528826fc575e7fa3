"""What stands between a client and a registry: a wire that counts and can be cut, and a proxy that lies."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Wire:
    """Carries bytes to a port of loopback and back, whatever they are; counts those that go there."""

    def __init__(self, to: int) -> None:
        """Nothing happens before somebody listens."""
        self.to, self.sent = to, 0
        self.at = 0
        self.event: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"

    def when(self, sent: int, event: Callable[[], None]) -> None:
        """Call once, in the middle of everything, when so many bytes have gone there."""
        self.at, self.event = sent, event

    def serve(self) -> None:
        """Until it is closed."""
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def close(self) -> None:
        """Take nobody any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _carry(self, near: socket.socket) -> None:
        with near:
            try:
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            with far:
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far, self._count)
                back.join()

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size
            event = self.event if self.at and self.sent >= self.at else None
            if event:
                self.at = 0
        if event:
            event()


def _pump(one: socket.socket, other: socket.socket, count: Callable[[int], None] = lambda _: None) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
            count(len(data))
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(to: int) -> Iterator[Wire]:
    """One that carries until the block ends."""
    made = Wire(to)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()


def honest(path: str, body: bytes) -> bytes:
    """As it came."""
    return body


class Between:
    """Before a registry that speaks plain HTTP: changes what is asked for by `lie`, counts the bodies sent there."""

    def __init__(self, to: str, lie: Callable[[str, bytes], bytes]) -> None:
        """It lets requests through until it is shut."""
        self.to, self.lie, self.sent, self.host = to, lie, 0, ""
        self._open, self._underway, self._change = True, 0, threading.Condition()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Meanwhile nobody is let through; those who are underway get their answers first."""
        with self._change:
            self._open = False
            self._change.wait_for(lambda: not self._underway)
        try:
            yield
        finally:
            with self._change:
                self._open = True

    def wait(self, sent: int) -> None:
        """Until so many bytes were sent."""
        with self._change:
            assert self._change.wait_for(lambda: self.sent >= sent, timeout=120)

    @contextmanager
    def let_through(self) -> Iterator[bool]:
        """Whether a request may go on."""
        with self._change:
            may = self._open
            self._underway += may
        try:
            yield may
        finally:
            with self._change:
                self._underway -= may
                self._change.notify_all()

    def count(self, size: int) -> None:
        with self._change:
            self.sent += size


@contextmanager
def between(to: str, lie: Callable[[str, bytes], bytes] = honest) -> Iterator[Between]:
    """A proxy that stands there until the block ends."""
    made = Between(to, lie)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            with made.let_through() as may:
                if may:
                    self._ask()
                else:
                    self.close_connection = True

        def _ask(self) -> None:
            far = http.client.HTTPConnection(made.to)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            far.request(self.command, self.path, body, dict(self.headers.items()))
            answer = far.getresponse()
            made.count(len(body))
            self._answer(answer, answer.read())
            far.close()

        def _answer(self, answer: http.client.HTTPResponse, body: bytes) -> None:
            if self.command == "GET" and answer.status == HTTPStatus.OK:
                body = made.lie(self.path, body)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "date", "connection"):
                    self.send_header(name, value)
            size = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(body))
            self.send_header("Content-Length", size)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = _pass_on  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    made.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
