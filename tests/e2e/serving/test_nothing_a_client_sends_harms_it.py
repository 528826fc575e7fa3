"""100,000 requests with something wrong: each is answered in the four hundreds, memory stays, and it serves on."""

from collections import Counter
from pathlib import Path

from tests.e2e.serving.conftest import TOKEN, Server
from tests.e2e.serving.house import House, served
from tests.e2e.serving.line import Line
from tests.e2e.serving.wild import Maker, Wild

REQUESTS, WARMUP, FRAMES = 100_000, 20_000, 0.2
MIB = 1 << 20


class Fuzzer:
    """Sends them, and counts what comes back."""

    def __init__(self, house: House, seed: int) -> None:
        """Keep one connection for those after which it goes on."""
        self._house, self._maker, self._line = house, Maker(seed, TOKEN), Line(house.url)
        self.statuses: Counter[int] = Counter()

    def send(self, count: int) -> None:
        """Send so many."""
        for number in range(count):
            if number % round(1 / FRAMES):
                self._whole(self._maker.body())
            else:
                self._apart(self._maker.frame())

    def right(self) -> bool:
        """Whether a good request is answered right now."""
        self._line.send(self._maker.good())
        said = self._line.answer()
        return said is not None and said.status == 200 and b'"same text":"a"' in said.body

    def leave(self) -> None:
        """Close the connection that was kept."""
        self._line.close()

    def _whole(self, wild: Wild) -> None:
        self._line.send(wild.sent)
        said = self._line.answer()
        assert said is not None, wild
        self._judge(said.status, wild)
        if said.closes:
            self._line.close()
            self._line = Line(self._house.url)

    def _apart(self, wild: Wild) -> None:
        """What is sent no more is answered, or was all answered before."""
        line = Line(self._house.url)
        line.send(wild.sent)
        line.socket.shutdown(1)
        answered = 0
        while said := line.answer():
            self._judge(said.status, wild)
            answered += 1
        assert answered, wild
        line.close()

    def _judge(self, status: int, wild: Wild) -> None:
        self.statuses[status] += 1
        assert status == 200 or 400 <= status < 500, (status, wild)


def test_a_hundred_thousand_wrong_requests(server: Server) -> None:
    folder: Path = server.folder
    with served(folder, "--token-file", str(folder / "token")) as house:
        workers, fuzzer = house.workers(), Fuzzer(house, seed=1)
        fuzzer.send(WARMUP)
        before = house.memory()
        fuzzer.send(REQUESTS - WARMUP)
        assert house.memory() - before < 30 * MIB
        assert fuzzer.right()
        fuzzer.leave()
        assert house.workers() == workers
        assert sum(fuzzer.statuses.values()) >= REQUESTS
        assert fuzzer.statuses[400] > REQUESTS / 2
        assert {200, 400, 401, 404, 405, 413, 414, 415, 417, 431} >= set(fuzzer.statuses)
        house.until("mlagent_serving_requests_in_flight", 0)
