"""One HTTP/1.1 connection of a client that tells a connection closed between requests from a request that was lost."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit


class Lost(Exception):
    """A request without a whole answer: `kind` is refused, reset, timeout or short."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes


class Connection:
    """Opened when it is needed: at first, and when the other side has closed it since the last answer."""

    def __init__(self, url: str, *, keep_alive: bool) -> None:
        """Nothing happens yet; ValueError where the URL is not one of this machine."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname != "127.0.0.1" or not parts.port:
            message = f"{url} is not http://127.0.0.1:PORT/PATH: load goes to this machine alone"
            raise ValueError(message)
        self._port, self._path, self._keep = parts.port, parts.path or "/", keep_alive
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.fresh = True  # whether the request that was sent last opened a connection

    async def post(self, body: bytes) -> Answer:
        """Send it, and read the whole answer; Lost where there is none."""
        await asyncio.sleep(0)  # so that an end that has arrived is seen before anything is sent
        if self._open and (self._open[0].at_eof() or self._open[0].exception()):
            self.close()
        self.fresh = self._open is None
        try:
            reader, writer = self._open = self._open or await self._connect()
            writer.write(self._head(len(body)) + body)
            answer = await _read(reader)
        except BaseException:
            self.close()
            raise
        if not self._keep or answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """The next request opens another."""
        if self._open:
            self._open[1].close()
        self._open = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise Lost("refused") from error

    def _head(self, length: int) -> bytes:
        lines = (
            f"POST {self._path} HTTP/1.1",
            f"host: 127.0.0.1:{self._port}",
            "content-type: application/json",
            f"content-length: {length}",
            f"connection: {'keep-alive' if self._keep else 'close'}",
        )
        return "\r\n".join([*lines, "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
    except ConnectionError as error:
        raise Lost("reset") from error
    except asyncio.IncompleteReadError as error:
        raise Lost("short" if error.partial else "reset") from error
    return Answer(int(first.split()[1]), headers, body)
