"""One process that serves: its two ports, its pulse, a graceful end."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter

import msgspec

from mlagent.serving.app import App
from mlagent.serving.connection import Connection, Limits
from mlagent.serving.crowd import Crowd
from mlagent.serving.door import Door
from mlagent.serving.faults import CannotServe
from mlagent.serving.routes import LIVE, Health
from mlagent.serving.sockets import no_new, reached

FINISH_SECONDS = 3.0  # for requests in flight, at the end
LAST_WORDS_SECONDS = 0.05  # for a request on its way when nobody new is let in
PULSE_SECONDS = 0.1
PULSES_A_SECOND = 10


class Port:
    """A listening socket, the app behind it, and everybody who is connected."""

    def __init__(
        self,
        listening: socket.socket,
        app: App,
        health: Health,
        limits: Limits,
        *,
        clients: int = 4096,
        told: Callable[[int], None] = lambda _: None,
        mine_to_take: Callable[[int], bool] = lambda _: True,
    ) -> None:
        """Take up to so many `clients` at a time; `told` and `mine_to_take` are given how many there are."""
        self.listening, self.app = listening, app
        self.crowd = Crowd(health, most=clients, told=told)
        mine = lambda: mine_to_take(len(self.crowd.members))  # noqa: E731
        self.door = Door(listening, lambda: Connection(app, self.crowd, limits), mine)

    async def end(self) -> None:
        """Let nobody new in, answer whoever is there, and leave."""
        self.door.last()
        no_new(self.listening)
        await asyncio.sleep(LAST_WORDS_SECONDS)
        self.door.close()
        await asyncio.sleep(LAST_WORDS_SECONDS)
        over = perf_counter() + FINISH_SECONDS
        while self.crowd.members and perf_counter() < over:
            for one in list(self.crowd.members):
                one.end()
            await asyncio.sleep(0.01)
        for one in list(self.crowd.members):
            one.cut()
        await asyncio.sleep(LAST_WORDS_SECONDS if self.crowd.members else 0)


class Ending:
    """When to end: on SIGTERM or SIGINT, or when `parent` (a process id) is our parent no more.

    `drain_seconds` are those in which requests are still taken after `health` has said that none are wanted; a second
    signal ends the wait.
    """

    def __init__(self, health: Health, drain_seconds: float = 0.0, parent: int | None = None) -> None:
        """Wait for `listen`."""
        self._health, self._drain, self._parent = health, drain_seconds, parent
        self.over = asyncio.Event()
        self.begun = False

    def listen(self) -> None:
        """Hear signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.begin)

    def begin(self) -> None:
        """Say at once that nothing more is wanted, and end after a while; at once where nobody was answered yet."""
        if self._health.ready and self._drain > 0 and self.begun:
            asyncio.get_running_loop().call_later(self._drain, self.over.set)
        else:
            self.over.set()
        self._health.ready = False

    @property
    def orphaned(self) -> bool:
        """An orphan is handed to another process, so its parent's id changes."""
        return self._parent is not None and os.getppid() != self._parent


async def pulse(ports: Sequence[Port], ending: Ending, beat: Callable[[], None]) -> None:
    """Ten times a second: look at connections whose time has come; once a second at the rest."""
    for number in count():
        now = perf_counter()
        for port in ports:
            port.crowd.sweep(now)
            if number % PULSES_A_SECOND == 0:
                port.app.tick()
        if number % PULSES_A_SECOND == 0:
            beat()
        if ending.orphaned:
            ending.begin()
            ending.over.set()
        await asyncio.sleep(PULSE_SECONDS)


async def serve(ports: Sequence[Port], ending: Ending, beat: Callable[[], None], ready: Callable[[], None]) -> None:
    """Serve until it is time to end; `ready` is called once the first port answers. Ports end in their order.

    So whoever watches, on the last one, can read what happens until then.
    """
    ending.listen()
    beating = asyncio.create_task(pulse(ports, ending, beat))
    try:
        for port in ports:
            port.door.open()
        if await _answers(ports[0].listening, ending):
            ready()
            ending.begun = True
        await ending.over.wait()
        for port in ports:
            await port.end()
    finally:
        beating.cancel()
        await asyncio.wait([beating])
    if not beating.cancelled() and (failed := beating.exception()):
        raise failed


async def _answers(listening: socket.socket, ending: Ending) -> bool:
    """Whether we answer ourselves before the end has come, after which no connection of our own is let in, either."""
    over, asked = asyncio.ensure_future(ending.over.wait()), asyncio.ensure_future(ask(listening))
    await asyncio.wait([over, asked], return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    if not asked.done():
        asked.cancel()
        return False
    asked.result()
    return True


async def ask(listening: socket.socket) -> None:
    """Ask ourselves over HTTP; CannotServe when the answer is not 200."""
    host, port = reached(listening)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {LIVE} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    if b" 200 " not in status:
        raise CannotServe(f"the server does not answer itself: {status!r}")


def write(path: Path, value: object) -> None:
    """Write beside and rename, so that a reader never sees a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.encode(value))
    beside.replace(path)
