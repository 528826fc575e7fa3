"""Two processes, told to end under load, twenty times: no request that was taken is lost, however it was sent."""

import json
import signal
import struct
import threading
import time

import pytest

from tests.e2e.serving.conftest import Server
from tests.e2e.serving.house import served
from tests.e2e.serving.line import Line
from tests.e2e.serving.wild import ROW, TENSORS

TIMES, CALLERS = 20, 8


def rows() -> bytes:
    """Ask by columns."""
    body = json.dumps({"rows": [ROW]}).encode()
    return b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def tensors() -> bytes:
    """Ask by tensors, one of them in binary."""
    inputs = [dict(one) for one in TENSORS]
    inputs[0] = {key: value for key, value in inputs[0].items() if key != "data"} | {
        "parameters": {"binary_data_size": 4}
    }
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    lengths = b"inference-header-content-length: %d\r\ncontent-length: %d\r\n\r\n" % (len(head), len(head) + 4)
    return b"POST /v2/models/kinds/infer HTTP/1.1\r\nhost: a\r\n" + lengths + head + struct.pack("<f", 0.5)


class Caller(threading.Thread):
    """Asks until nobody lets it in; `kept`: on one connection for as long as the server says nothing else."""

    def __init__(self, url: str, sent: bytes, *, kept: bool) -> None:
        """Begin."""
        super().__init__()
        self._url, self._sent, self._kept = url, sent, kept
        self.answered, self.lost = 0, list[str]()
        self.start()

    def run(self) -> None:
        """Ask."""
        line: Line | None = None
        while True:
            try:
                line = line or Line(self._url)
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


@pytest.mark.parametrize("drain", ["0", "0.3"])
def test_no_request_is_lost(server: Server, drain: str) -> None:
    for _ in range(TIMES // 2):
        with served(server.folder, "--drain-seconds", drain) as house:
            asks = (rows(), tensors())
            callers = [Caller(house.url, asks[at % 2], kept=at % 4 < 3) for at in range(CALLERS)]
            end = time.monotonic() + 60
            while min(one.answered for one in callers) < 50:
                assert time.monotonic() < end
                time.sleep(0.01)
            house.process.send_signal(signal.SIGTERM)
            for one in callers:
                one.join(30)
        assert [one.lost for one in callers] == [[]] * CALLERS
