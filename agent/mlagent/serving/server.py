"""The process: its sockets, a ready file once it answers, a graceful end."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn
import uvloop

from mlagent.serving.app import App
from mlagent.serving.faults import CannotServe
from mlagent.serving.routes import READY, Health

FINISH_SECONDS = 3  # for requests in flight, at the end
LAST_WORDS_SECONDS = 0.05  # for a request on its way when listening ends; its answer closes the connection
IDLE_SECONDS = 75  # before an unused connection is closed: longer than slow clients pause


class Place(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


class Ending(NamedTuple):
    """When to end, besides on a signal: `parent` (a process id) is our parent no more; and how.

    `drain_seconds` are those in which requests are still taken after `health` has said that none are wanted.
    """

    health: Health
    drain_seconds: float = 0.0
    parent: int | None = None


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ready file: there from the first answered request until the end."""

    url: str
    metrics_url: str | None = None


def run(app: App, place: Place, watch: App, watched: Place | None, ending: Ending, ready_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT; CannotServe on a bad port. `watch` is served at `watched`, if that is given."""
    with contextlib.ExitStack() as opened:
        main = opened.enter_context(_listen(place))
        other = opened.enter_context(_listen(watched)) if watched else None
        try:
            uvloop.run(_serve(app, main, watch, other, ending, ready_file))
        finally:
            if ready_file:
                ready_file.unlink(missing_ok=True)


async def _serve(
    app: App, main: socket.socket, watch: App, other: socket.socket | None, ending: Ending, ready_file: Path | None
) -> None:
    """Serve both; the watched one ends last, so that what happens until then can be read."""
    ready = Ready(_url(main), _url(other) if other else None)
    watching = _Server(watch)
    watcher = asyncio.create_task(watching.serve(sockets=[other])) if other else None
    server = _Main(app, main, ending, ready, ready_file)
    try:
        await server.serve(sockets=[main])
    finally:
        watching.should_exit = True
        if watcher:
            await watcher


class _Server(uvicorn.Server):
    """Uvicorn, silent, and leaving signals to us."""

    def __init__(self, app: App) -> None:
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
                timeout_graceful_shutdown=FINISH_SECONDS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Main(_Server):
    """The one that tells when it is ready, outlives no parent, and ends gracefully on a signal."""

    def __init__(
        self, app: App, listening: socket.socket, ending: Ending, ready: Ready, ready_file: Path | None
    ) -> None:
        super().__init__(app)
        self._listening, self._ending, self._ready, self._ready_file = listening, ending, ready, ready_file

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End gracefully: what is in flight is finished, serve() returns."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._end)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and write the ready file when that has been seen to work."""
        await super().startup(sockets)
        if self._ready_file:
            await _ask_ready(self._listening)
            _write(self._ready_file, self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, answer those whom the kernel has connected already, then finish what is in flight.

        Whoever is connected and not yet accepted when a listening socket is closed would be reset. So the kernel's
        queue is emptied through a second handle, which is then the last one, and closed at once.
        """
        last = self._listening.dup()
        for server in self.servers:
            server.close()
        self._listening.close()
        await asyncio.sleep(LAST_WORDS_SECONDS)  # the loop closes its own handle meanwhile
        accepted = list(_queued(last))
        last.close()
        for connection in accepted:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(LAST_WORDS_SECONDS)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: an orphan is handed to another process, so its parent's id changes."""
        orphaned = self._ending.parent is not None and os.getppid() != self._ending.parent
        return await super().on_tick(counter) or orphaned

    def _end(self) -> None:
        """Say at once that nothing more is wanted, and stop listening after a while; a second signal ends the wait."""
        if self._ending.health.ready and self._ending.drain_seconds > 0:
            asyncio.get_running_loop().call_later(self._ending.drain_seconds, self._stop)
        else:
            self._stop()
        self._ending.health.ready = False

    def _stop(self) -> None:
        self.should_exit = True


def _listen(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server(tuple(place), family=family)
    except (OSError, OverflowError) as error:
        raise CannotServe(
            f"port {place.port} of {place.host} cannot be had: {error}; port 0 takes a free one"
        ) from error


def _queued(listening: socket.socket) -> Iterator[socket.socket]:
    """Everybody who has connected and was not accepted yet."""
    listening.settimeout(0)
    with contextlib.suppress(OSError):  # nobody is left, or no handle for another one
        while True:
            yield listening.accept()[0]


def _reached(listening: socket.socket) -> Place:
    """Where we ourselves reach it: a wildcard on loopback."""
    host, port = listening.getsockname()[:2]
    return Place({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104  told apart, not bound


def _url(listening: socket.socket) -> str:
    host, port = _reached(listening)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _ask_ready(listening: socket.socket) -> None:
    """Ask ourselves over HTTP; CannotServe when the answer is not 200."""
    host, port = _reached(listening)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {READY} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    if b" 200 " not in status:
        raise CannotServe(f"the server does not answer itself: {status!r}")


def _write(path: Path, value: object) -> None:
    """Write beside and rename, so that a reader never sees a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.encode(value))
    beside.replace(path)
