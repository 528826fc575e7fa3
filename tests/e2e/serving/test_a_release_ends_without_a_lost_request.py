"""Two processes, told to end under load, twenty times: no request that was taken is lost, however it was sent."""

import signal
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.serving import good
from tests.e2e.serving.line import Line
from tests.e2e.serving.several import several, wait_for

TIMES, CALLERS = 20, 8


class Caller(threading.Thread):
    """Asks until nobody lets it in; `kept`: on one connection for as long as the server says nothing else."""

    def __init__(self, port: int, sent: bytes, *, kept: bool) -> None:
        """Begin."""
        super().__init__()
        self._port, self._sent, self._kept = port, sent, kept
        self.answered, self.lost = 0, list[str]()
        self.start()

    def run(self) -> None:
        """Ask."""
        line: Line | None = None
        while True:
            try:
                line = line or Line(self._port)
            except ConnectionRefusedError:
                return
            try:
                line.send(self._sent)
                said = line.answer()
            except OSError as error:
                self.lost.append(repr(error))
                return
            if said is None or said.status != 200:
                self.lost.append(repr(said))
                return
            self.answered += 1
            if said.closes or not self._kept:
                line.close()
                line = None


def _all_asked(callers: list[Caller]) -> bool:
    return min(one.answered for one in callers) > 50


@pytest.mark.parametrize("drain", ["0", "0.3"])
def test_no_request_is_lost(tmp_path: Path, drain: str) -> None:
    _, rows, _, binary, _ = good.wholes()
    for at in range(TIMES // 2):
        (tmp_path / str(at)).mkdir()
        with several(tmp_path / str(at), "--drain-seconds", drain) as server:
            callers = [Caller(server.port, (rows, binary)[at % 2], kept=at % 4 < 3) for at in range(CALLERS)]
            wait_for(partial(_all_asked, callers), 60)
            server.process.send_signal(signal.SIGTERM)
            for one in callers:
                one.join(30)
        assert [one.lost for one in callers] == [[]] * CALLERS
        assert server.errors() == ""
