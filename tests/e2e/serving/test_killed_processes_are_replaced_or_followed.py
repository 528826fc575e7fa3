"""Processes that are killed, and SIGTERM while their successors start: the others serve on, nobody is left behind."""

import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.serving import good
from tests.e2e.serving.several import Several, several, wait_for

DESCRIBED, DATA = good.binary()
HEADER = json.dumps(DESCRIBED).encode()
ASKED: tuple[tuple[str, bytes, dict[str, str]], ...] = (
    (good.PREDICT.decode(), json.dumps(good.rows()).encode(), {}),
    (good.INFER.decode(), json.dumps(good.tensors()).encode(), {}),
    (good.INFER.decode(), HEADER + DATA, {"inference-header-content-length": str(len(HEADER))}),
)
CALLERS = 6


class Load:
    """Callers, half of them with a connection that they keep; each ends when no connection is taken any more."""

    def __init__(self, port: int) -> None:
        """Begin."""
        self._port, self.answered, self.lost, self.over = port, 0, list[str](), False
        self._threads = [threading.Thread(target=self._call, args=(number % 2 == 0,)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for their end."""
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _call(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        for path, body, fields in itertools.cycle(ASKED):
            if self.over:
                break
            try:
                connection.connect() if connection.sock is None else None
            except ConnectionRefusedError:
                return
            try:
                connection.request("POST", path, body, fields)
                answer = connection.getresponse()
                told = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection.close()
                continue
            if answer.status != 200:
                self.lost.append(f"{answer.status} {told!r}")
            self.answered += 1
            if not keep:
                connection.close()
        connection.close()


@contextmanager
def loaded(server: Several) -> Iterator[Load]:
    """Load it, until the block ends."""
    load = Load(server.port)
    try:
        yield load
    finally:
        load.over = True
        load.join()


def test_a_worker_that_is_killed_is_started_again_while_the_other_serves_on(tmp_path: Path) -> None:
    with several(tmp_path) as server:
        second, first = server.workers()
        with loaded(server) as load:
            wait_for(lambda: load.answered > 100)
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: first not in server.workers() and len(server.workers()) == 2)
            before = load.answered
            wait_for(lambda: load.answered > before + 500)
        assert second in server.workers()
        assert len(load.lost) <= CALLERS
        assert not [one for one in load.lost if "Reset" not in one and "RemoteDisconnected" not in one]
        assert server.errors() == "worker 2 ended by itself with status -9: another one is started\n"


@pytest.mark.parametrize("after", [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5])
def test_an_end_while_a_worker_is_started_again_loses_nothing(tmp_path: Path, after: float) -> None:
    with several(tmp_path) as server:
        replaced(server)
        load = Load(server.port)
        time.sleep(after)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        load.join()
        assert load.lost == []
        assert server.process.wait(20) == 0
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("after", [0, 0.1, 0.3, 1])
def test_workers_whose_keeper_is_killed_end_however_young_they_are(tmp_path: Path, after: float) -> None:
    with several(tmp_path, killed=True) as server:
        replaced(server)
        time.sleep(after)
        workers = server.workers()
        server.process.kill()
        server.process.wait(10)
        wait_for(lambda: not any(alive(one) for one in workers), 10)


def replaced(server: Several) -> None:
    """Kill a worker, and wait until another one is started in its place."""
    killed = server.workers()[1]  # the other one answers for sure
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in server.workers() and len(server.workers()) == 2)


def alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
