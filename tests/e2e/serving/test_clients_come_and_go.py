"""Clients that leave in the middle or do not read, for a minute (half an hour in the long form): nothing grows."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest

from tests.e2e.serving.conftest import TOKEN, Server
from tests.e2e.serving.house import House, served
from tests.e2e.serving.line import Line
from tests.e2e.serving.wild import Maker

MIB = 1 << 20
CLIENTS = 6


class Client(threading.Thread):
    """Comes and goes in one of many ways, until it is told to stop."""

    def __init__(self, house: House, seed: int, over: threading.Event) -> None:
        """Begin."""
        super().__init__()
        self._house, self._random, self._over = house, random.Random(seed), over  # noqa: S311 - no secret is made
        self._maker, self.visits, self.wrong = Maker(seed, TOKEN), 0, list[str]()
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
            line = Line(self._house.url)
            try:
                self._random.choice(ways)(line)
            except OSError as error:
                self.wrong.append(repr(error))
            finally:
                line.close()
            self.visits += 1

    def _asks(self, line: Line) -> None:
        for _ in range(self._random.randrange(1, 20)):
            line.send(self._maker.good())
            said = line.answer()
            if said is None or said.status != 200:
                self.wrong.append(repr(said))

    def _resets(self, line: Line) -> None:
        """The answer finds nobody, and the kernel says so at once."""
        line.send(self._maker.good())
        line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _leaves(self, line: Line) -> None:
        good = self._maker.good()
        line.send(good[: self._random.randrange(1, len(good))])

    def _never_reads(self, line: Line) -> None:
        line.send(self._maker.good() * 50)
        time.sleep(0.01)

    def _says_nothing(self, line: Line) -> None:
        line.send(b"")
        time.sleep(0.005)


def visit(server: Server, seconds: float) -> None:
    """Let them come and go for so long; hold what is there afterwards against what was there early on."""
    with served(server.folder) as house:
        over = threading.Event()
        clients = [Client(house, seed, over) for seed in range(CLIENTS)]
        time.sleep(seconds / 6)
        early = house.memory()
        time.sleep(seconds * 5 / 6)
        over.set()
        for one in clients:
            one.join(30)
        assert [one.wrong for one in clients] == [[]] * CLIENTS
        assert sum(one.visits for one in clients) > 100 * seconds
        house.until("mlagent_serving_connections", 0)
        house.until("mlagent_serving_requests_in_flight", 0)
        assert house.memory() - early < 20 * MIB
        assert house.number("process_open_fds") < 100


def test_for_a_minute(server: Server) -> None:
    visit(server, 60)


@pytest.mark.long
def test_for_half_an_hour(server: Server) -> None:
    visit(server, 1800)
