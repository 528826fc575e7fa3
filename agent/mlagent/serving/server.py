"""The process: one socket on loopback, a ready file once it answers, a graceful end."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvicorn
import uvloop

from mlagent.serving.app import READY, App
from mlagent.serving.faults import CannotServe

HOST = "127.0.0.1"
DRAIN_SECONDS = 3  # for requests in flight, at the end
IDLE_SECONDS = 75  # before an unused connection is closed: longer than slow clients pause


def run(app: App, *, port: int, ready_file: Path | None, parent: int | None) -> None:
    """Serve until SIGTERM or SIGINT, or until `parent` (a process id) is our parent no more; CannotServe on a bad port.

    `ready_file` holds {"url": ...} from the first answered request until the end.
    """
    with _listen(port) as listening:
        try:
            uvloop.run(_Server(app, ready_file, parent).serve(sockets=[listening]))
        finally:
            if ready_file:
                ready_file.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Uvicorn, except that it tells when it is ready, outlives no parent, and ends on a signal without raising it."""

    def __init__(self, app: App, ready_file: Path | None, parent: int | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                server_header=False,
                log_config=None,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self._ready_file, self._parent = ready_file, parent

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End gracefully: no more connections, what is in flight is finished, serve() returns."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._end)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and write the ready file when that has been seen to work."""
        await super().startup(sockets)
        if self._ready_file and sockets:
            port = sockets[0].getsockname()[1]
            await _ask_ready(port)
            _write(self._ready_file, {"url": f"http://{HOST}:{port}"})

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: an orphan is handed to another process, so its parent's id changes."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or orphaned

    def _end(self) -> None:
        self.should_exit = True


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise CannotServe(f"port {port} of {HOST} cannot be had: {error}; --port 0 takes a free one") from error


async def _ask_ready(port: int) -> None:
    """Ask ourselves over HTTP; CannotServe when the answer is not 200."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {READY} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    if b" 200 " not in status:
        raise CannotServe(f"the server does not answer itself: {status!r}")


def _write(path: Path, value: object) -> None:
    """Write beside and rename, so that a reader never sees a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.encode(value))
    beside.replace(path)
