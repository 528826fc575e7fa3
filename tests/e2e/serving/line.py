"""A raw connection: bytes out, answers in, as they were framed."""

import socket
from typing import NamedTuple


class Said(NamedTuple):
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return self.headers.get("connection") == "close"


class Line:
    """One connection to a server; OSError as the system raises it."""

    def __init__(self, port: int, seconds: float = 20.0) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._read = b""

    def send(self, sent: bytes) -> None:
        """Send all."""
        self.socket.sendall(sent)

    def answer(self) -> Said | None:
        """The next answer; None where the connection was closed before one."""
        while True:
            while b"\r\n\r\n" not in self._read:
                if not self._more():
                    assert self._read == b"", self._read
                    return None
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            first, *fields = head.decode("latin-1").split("\r\n")
            status = int(first.split()[1])
            if status != 100:
                break
        headers = dict(one.split(": ", 1) for one in fields)
        length = int(headers["content-length"])
        while len(self._read) < length:
            assert self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Said(status, headers, body)

    def close(self) -> None:
        """Leave."""
        self.socket.close()

    def _more(self) -> bool:
        got = self.socket.recv(65_536)
        self._read += got
        return bool(got)
