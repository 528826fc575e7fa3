"""SIGTERM under load: readiness goes first, what was taken is answered, and the exit status is 0."""

import http.client
import signal
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.pipeline.serving.conftest import ask, wait_for

if TYPE_CHECKING:
    from tests.pipeline.serving.conftest import House

CALLERS = 8


class Load:
    """Callers that keep their connections, make a new one where the server closes it, and stop where none is taken."""

    def __init__(self, url: str, *, keep: bool) -> None:
        """Begin; `keep` says whether a connection is used again."""
        self._where, self._keep = urlsplit(url).netloc, keep
        self.answered, self.lost = 0, list[str]()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until no connection is taken any more."""
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _call(self) -> None:
        connection = http.client.HTTPConnection(self._where, timeout=10)
        while True:
            try:
                connection.connect() if connection.sock is None else None
            except ConnectionRefusedError:
                return
            try:
                connection.request("POST", "/predict", b'{"rows": [{"size": 1.5}]}')
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                return
            if answer.status != 200 or b"1.5" not in body:
                self.lost.append(f"{answer.status} {body!r}")
            self.answered += 1
            if not self._keep:
                connection.close()


@pytest.mark.parametrize("drain", ["0", "0.5"])
@pytest.mark.parametrize("keep", [True, False], ids=["connections kept", "one a request"])
def test_under_load_every_request_that_was_taken_is_answered(house: "House", drain: str, *, keep: bool) -> None:
    server = house.start(*house.signed(), "--drain-seconds", drain)
    load = Load(house.url(), keep=keep)
    wait_for(lambda: load.answered > 200)
    server.send_signal(signal.SIGTERM)
    before = load.answered
    load.join()
    assert load.lost == []
    assert load.answered > before
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0


def test_readiness_is_refused_at_once_on_both_ports_while_requests_are_still_taken(house: "House") -> None:
    server = house.start(*house.signed(), "--drain-seconds", "2")
    urls = house.urls()
    server.send_signal(signal.SIGTERM)
    for url in urls.values():
        wait_for(lambda url=url: ask(f"{url}/v2/health/ready")[0] == 503)
        assert ask(f"{url}/v2/health/live")[0] == 200
    assert ask(f"{urls['url']}/predict", {"rows": [{"size": 1}]})[0] == 200
    assert server.poll() is None
    server.communicate(timeout=20)
    assert server.returncode == 0


def test_a_second_signal_ends_the_wait(house: "House") -> None:
    server = house.start(*house.signed(), "--drain-seconds", "1000")
    urls = house.urls()
    server.send_signal(signal.SIGINT)
    wait_for(lambda: ask(f"{urls['metrics_url']}/v2/health/ready")[0] == 503)
    time.sleep(0.3)
    assert server.poll() is None
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    assert server.returncode == 0


def test_a_second_signal_under_load_ends_the_wait_and_loses_nothing(house: "House") -> None:
    server = house.start(*house.signed(), "--drain-seconds", "1000")
    load = Load(house.url(), keep=True)
    wait_for(lambda: load.answered > 200)
    server.send_signal(signal.SIGTERM)
    before = load.answered
    wait_for(lambda: load.answered > before + 200)
    assert server.poll() is None
    server.send_signal(signal.SIGTERM)
    load.join()
    assert load.lost == []
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "x"])
def test_a_wait_that_is_none_is_refused(house: "House", seconds: str) -> None:
    server = house.start("--drain-seconds", seconds)
    assert "--drain-seconds" in server.communicate(timeout=60)[1]
    assert server.returncode == 2
