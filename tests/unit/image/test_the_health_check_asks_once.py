"""The image's health check: 0 for a server that is ready, 1 for one that is not, or is not there."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mlagent.serving import probe


class Handler(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        assert self.path == "/v2/health/ready"
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"ready": true}')

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1), (404, 1)])
def test_the_server_says_how_it_is(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int, expected: int
) -> None:
    monkeypatch.setattr(Handler, "status", status)
    assert probe.main(["--port", str(port)]) == expected
    assert capsys.readouterr().out == '{"ready": true}\n'


def test_no_server_is_no_health(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["--port", "1"]) == 1
    assert "no answer on port 1" in capsys.readouterr().out
