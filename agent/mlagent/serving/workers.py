"""Several processes behind one port: one starts the workers, watches them, and answers those who watch.

Each worker is a Python of its own (a fork would take over threads and devices of ONNX Runtime), which is handed the
listening socket, the shared counters and a pipe to say that it is ready.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mlagent.serving.counters import Counters
from mlagent.serving.metrics import BEAT, CONNECTIONS, IN_FLIGHT, RUNNING, WAITING
from mlagent.serving.server import FINISH_SECONDS, LAST_WORDS_SECONDS, PULSE_SECONDS, Ending, Port, pulse
from mlagent.serving.sockets import no_new

STUCK_SECONDS = 30.0  # a worker whose loop has not turned for so long is ended
ALIVE_SECONDS = 2.0
FALLEN = 20  # the exit status then
FALLS, FALL_SECONDS = 5, 60.0  # so many in so long, and starting again does not help
GAUGES = (CONNECTIONS, IN_FLIGHT, RUNNING, WAITING, BEAT)
_LOG = logging.getLogger(__name__)


class Handed(msgspec.Struct, frozen=True):
    """What a worker is started with: its number from 1, how many blocks of counters there are, and open files.

    `processes` is None for the first one, which finds out how many are wanted; `keeper` is the process that started it,
    with which it ends.
    """

    number: int
    blocks: int
    listening: int
    counters: int
    status: int
    processes: int | None
    keeper: int


class Started(msgspec.Struct, frozen=True):
    """What a worker says once it answers."""

    processes: int


class Worker:
    """One that was started."""

    def __init__(self, number: int, process: "subprocess.Popen[bytes]", status: int) -> None:
        """Listen to what it says."""
        self.number, self.process, self._status = number, process, status
        self.started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(status, self._hear)

    def _hear(self) -> None:
        said = os.read(self._status, 4096)
        asyncio.get_running_loop().remove_reader(self._status)
        os.close(self._status)
        self.started.set_result(msgspec.json.decode(said, type=Started) if said else None)


class Workers:
    """Starts them, starts again those that fall, ends all."""

    def __init__(
        self, arguments: Sequence[str], listening: socket.socket, counters: Counters, file: int, blocks: int
    ) -> None:
        """`arguments` are the server's own; `file` is that of the `counters`, of which each has one of the `blocks`."""
        self._arguments, self._listening = arguments, listening
        self._counters, self._file, self._blocks = counters, file, blocks
        self._all: list[Worker] = []
        self._falls: list[float] = []
        self._processes: int | None = None
        self.ending = False

    async def begin(self, processes: int | None, over: asyncio.Event) -> int:
        """Start the first and, once it answers, the others; the exit status of a first one that could not, else 0.

        All end where it is `over` before that.
        """
        self._processes = processes
        first = self._start(1)
        ended: asyncio.Future[Any] = asyncio.ensure_future(over.wait())
        await asyncio.wait([first.started, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if over.is_set():
            await self.end()
            return 0
        started: Started | None = first.started.result()
        if started is None:
            return await asyncio.to_thread(first.process.wait) or 1
        self._processes = min(started.processes, self._blocks - 1)
        for number in range(2, self._processes + 1):
            self._start(number)
        return 0

    def look(self) -> bool:
        """Start again who has fallen, and end who is stuck; False when they fall too often."""
        now = time.monotonic()
        for worker in list(self._all):
            beat = self._counters.block(worker.number)[BEAT]
            if beat and now - beat > STUCK_SECONDS:
                _LOG.error("worker %d has not moved for %d s: it is ended", worker.number, STUCK_SECONDS)
                worker.process.kill()
            status = worker.process.poll()
            if status is not None and not self.ending:
                self._fallen(worker, status, now)
        return len(self._falls) < FALLS

    @property
    def any(self) -> bool:
        """Whether one is running."""
        return any(one.process.poll() is None for one in self._all)

    async def end(self) -> None:
        """End all gently, then at once."""
        self.ending = True
        for worker in self._all:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)
        over = time.monotonic() + FINISH_SECONDS + 2
        while self.any and time.monotonic() < over:  # noqa: ASYNC110  processes make no event
            await asyncio.sleep(0.01)
        for worker in self._all:
            worker.process.kill()
            worker.process.wait()

    def _start(self, number: int) -> Worker:
        ours, theirs = os.pipe()
        handed = Handed(
            number, self._blocks, self._listening.fileno(), self._file, theirs, self._processes, os.getpid()
        )
        command = [sys.executable, *_options(), "-m", "mlagent.serving", *self._arguments]
        process = subprocess.Popen(
            [*command, "--worker", msgspec.json.encode(handed).decode()],
            pass_fds=(handed.listening, handed.counters, handed.status),
        )
        os.close(theirs)
        worker = Worker(number, process, ours)
        self._all.append(worker)
        return worker

    def _fallen(self, worker: Worker, status: int, now: float) -> None:
        _LOG.error("worker %d ended by itself with status %d: another one is started", worker.number, status)
        self._all.remove(worker)
        block = self._counters.block(worker.number)
        for at in GAUGES:
            block[at] = 0.0
        self._falls = [one for one in self._falls if now - one < FALL_SECONDS] + [now]
        if len(self._falls) < FALLS:
            self._start(worker.number)


def fair(counters: Counters, number: int, blocks: int) -> Callable[[int], bool]:
    """Whether a worker that has so many clients is to take the next one: no other that lives has fewer."""
    others = [counters.block(one) for one in range(1, blocks) if one != number]

    def mine(clients: int) -> bool:
        alive = time.monotonic() - ALIVE_SECONDS
        return all(one[CONNECTIONS] >= clients for one in others if one[BEAT] > alive)

    return mine


def _options() -> list[str]:
    """The interpreter's own options, so that a worker runs as we do."""
    return [f"-W{one}" for one in sys.warnoptions]


async def keep(
    workers: Workers,
    listening: socket.socket,
    watching: Sequence[Port],
    ending: Ending,
    beat: Callable[[], None],
    ready: Callable[[], None],
) -> int:
    """Keep them until it is time to end; the exit status."""
    beating = asyncio.create_task(pulse(watching, ending, beat))
    looking = asyncio.create_task(_look(workers, ending))
    for port in watching:
        port.door.open()
    ready()
    ending.begun = True
    await ending.over.wait()
    workers.ending = True
    no_new(listening)
    await asyncio.sleep(LAST_WORDS_SECONDS)
    listening.close()
    await workers.end()
    for port in watching:
        await port.end()
    beating.cancel()
    await asyncio.wait([beating, looking])
    return looking.result()


async def _look(workers: Workers, ending: Ending) -> int:
    """Look at them ten times a second until the end; the exit status."""
    while not ending.over.is_set():
        if not workers.look():
            _LOG.error("workers fall again and again: the server gives up")
            ending.begin()
            ending.over.set()
            return FALLEN
        await asyncio.sleep(PULSE_SECONDS)
    return 0
