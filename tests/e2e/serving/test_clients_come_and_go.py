"""Clients that leave in the middle or do not read, for a minute (half an hour in the long form): nothing grows."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.serving import good
from tests.e2e.serving.line import Line
from tests.e2e.serving.several import several, wait_for

MIB = 1 << 20
CLIENTS = 6
ASKS = good.wholes()[1]


class Client(threading.Thread):
    """Comes and goes in one of many ways, until it is told to stop."""

    def __init__(self, port: int, seed: int, over: threading.Event) -> None:
        """Begin."""
        super().__init__()
        self._port, self._random, self._over = port, random.Random(seed), over  # noqa: S311 - no secret is made
        self.visits, self.wrong = 0, list[str]()
        self.start()

    def run(self) -> None:
        """Visit."""
        ways: list[Callable[[Line], None]] = [
            self._asks,
            self._resets,
            self._leaves,
            self._never_reads,
            self._says_nothing,
        ]
        while not self._over.is_set():
            line = Line(self._port)
            try:
                self._random.choice(ways)(line)
            except OSError as error:
                self.wrong.append(repr(error))
            finally:
                line.close()
            self.visits += 1

    def _asks(self, line: Line) -> None:
        for _ in range(self._random.randrange(1, 20)):
            line.send(ASKS)
            said = line.answer()
            if said is None or said.status != 200:
                self.wrong.append(repr(said))

    def _resets(self, line: Line) -> None:
        """The answer finds nobody, and the kernel says so at once."""
        line.send(ASKS)
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _leaves(self, line: Line) -> None:
        line.send(ASKS[: self._random.randrange(1, len(ASKS))])

    def _never_reads(self, line: Line) -> None:
        line.send(ASKS * 50)
        time.sleep(0.01)

    def _says_nothing(self, line: Line) -> None:
        line.send(b"")
        time.sleep(0.005)


def visit(folder: Path, seconds: float) -> None:
    """Let them come and go for so long; hold what is there afterwards against what was there early on."""
    with several(folder) as server:
        over = threading.Event()
        clients = [Client(server.port, seed, over) for seed in range(CLIENTS)]
        time.sleep(seconds / 6)
        early = server.memory()
        time.sleep(seconds * 5 / 6)
        over.set()
        for one in clients:
            one.join(30)
        assert [one.wrong for one in clients] == [[]] * CLIENTS
        assert sum(one.visits for one in clients) > 10 * seconds
        wait_for(lambda: server.gauge("connections") + server.gauge("requests_in_flight") == 0, 60)
        assert server.memory() - early < 20 * MIB
        assert server.files() < 100
        assert server.errors() == ""


def test_for_a_minute(tmp_path: Path) -> None:
    visit(tmp_path, 60)


@pytest.mark.long
def test_for_half_an_hour(tmp_path: Path) -> None:
    visit(tmp_path, 1800)
