"""A relay before a server: it passes everything on, and breaks one connection on purpose."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Listens on loopback; after `to` bytes to the server, or `back` bytes from it, a connection breaks, once."""

    def __init__(self, port: int, *, to: int, back: int) -> None:
        self._port, self._left = port, {"to": to, "back": back}
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Take no more, break what is open, and wait until all have ended."""
        for one in (self._server, *self._open):
            _end(one)
        self._server.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                thread = threading.Thread(target=self._both, args=(self._server.accept()[0],), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _both(self, mine: socket.socket) -> None:
        with mine, socket.create_connection(("127.0.0.1", self._port)) as theirs:
            self._open += [mine, theirs]
            away = threading.Thread(target=self._pass, args=(theirs, mine, "back"), daemon=True)
            away.start()
            self._pass(mine, theirs, "to")
            away.join()

    def _pass(self, one: socket.socket, other: socket.socket, way: str) -> None:
        with suppress(OSError):  # the other way has broken it
            while (data := one.recv(1 << 16)) and not self._breaks(way, len(data)):
                other.sendall(data)
        _end(one)
        _end(other)

    def _breaks(self, way: str, size: int) -> bool:
        before = self._left[way]
        self._left[way] = max(before - size, 0)
        return before > 0 and self._left[way] == 0


def _end(one: socket.socket) -> None:
    with suppress(OSError):  # it is over already
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(port: int, *, to: int = 0, back: int = 0) -> Iterator[str]:
    """Its host, until the block ends; nothing breaks where both are 0."""
    made = Relay(port, to=to, back=back)
    try:
        yield made.host
    finally:
        made.close()
