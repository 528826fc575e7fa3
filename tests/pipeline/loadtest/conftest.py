"""Servers that misbehave on purpose, and the meter as a process of its own."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlagent.loadtest import golden, samples
from mlagent.loadtest import result as results
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.result import Result

ROWS = [Golden(row={"row": number}, expected={"prediction": number / 2}) for number in (1, 2)]
RIGHT = b'{"rows":[{"prediction":0.5}]}', b'{"rows":[{"prediction":1.0}]}'


def right(body: bytes) -> bytes:
    """What is expected for a body."""
    return RIGHT[json.loads(body)["rows"][0]["row"] - 1]


class Site:
    """A server in this process whose every answer is `behave`'s: it may sleep, and gives status and body.

    A body of None is what is expected.
    """

    def __init__(self) -> None:
        """Listen on a free port; answer 200 and what is expected."""
        self.behave: Callable[[int], tuple[int, bytes | None]] = lambda _number: (200, None)
        self.bodies: list[bytes] = []
        self.authorized = set[str]()
        self.connections = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/predict"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Status and body for a body."""
        with self._lock:  # one at a time: who comes during a stall waits for its end
            self.bodies.append(body)
            status, given = self.behave(len(self.bodies))
        return status, right(body) if given is None else given

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                site.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.authorized.add(self.headers.get("Authorization", ""))
                status, answer = site.answer(body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:  # the meter gave up on this one
                    self.close_connection = True

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                pass

        return Handler


class Meter:
    """One load test after another, its results in a folder."""

    def __init__(self, root: Path) -> None:
        """Write two golden rows."""
        self.root, self.output = root, root / "output"
        self.output.mkdir()
        golden.write(root / "golden.jsonl", ROWS)
        self.started: list[subprocess.Popen[str]] = []

    def asks(self, url: str, **changes: object) -> Path:
        """Write the request of a load test."""
        rate, seconds, warmup = (
            changes.pop(name, usual)
            for name, usual in (("rate_per_second", 100), ("duration_seconds", 1), ("warmup_seconds", 0))
        )
        pieces = [{"seconds": seconds, "rate_per_second": rate}]
        if warmup:
            pieces.insert(0, {"seconds": warmup, "rate_per_second": rate, "kept": False})
        request: dict[str, Any] = {
            "targets": [{"name": "candidate", "url": url}], "pieces": pieces,
            "golden": str(self.root / "golden.jsonl"), "tolerance": 1e-4, "users": 4, "timeout_seconds": 2, "seed": 1,
            "output": str(self.output),
        } | changes  # fmt: skip
        path = self.root / "request.json"
        path.write_text(json.dumps(request), encoding="utf-8")
        return path

    def start(self, url: str, *, script: str = "", **changes: object) -> "subprocess.Popen[str]":
        """Start a load test, or a script that does one in another way; warnings are errors."""
        program = ["-c", script] if script else ["-m", "mlagent.loadtest"]
        command = [sys.executable, "-W", "error", *program, str(self.asks(url, **changes))]
        self.started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return self.started[-1]

    def run(self, url: str, *, script: str = "", **changes: object) -> tuple[samples.Samples, Result]:
        """Run a load test to its end, which must be a good and quiet one."""
        process = self.start(url, script=script, **changes)
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
        return samples.read(self.output / "samples.npy"), results.read(self.output / "result.json")


class Known:
    """A server in a process of its own, whose every delay is known afterwards."""

    def __init__(self, **plan: object) -> None:
        """Start it with a plan; see known_server.py."""
        script = Path(__file__).with_name("known_server.py")
        command = [sys.executable, str(script), json.dumps({"seed": 1, **plan})]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/predict"

    def told(self, status: int = 200) -> list[float]:
        """How long each answer of a status took, in seconds."""
        with urllib.request.urlopen(self.url.replace("/predict", "/told"), timeout=30) as answer:
            return [seconds for seconds, its in json.load(answer) if its == status]

    def close(self) -> None:
        """End it."""
        with self._process:
            self._process.kill()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Fail when `condition()` does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def known() -> Iterator[Callable[..., Known]]:
    """Start such servers; all are ended."""
    started = list[Known]()

    def start(**plan: object) -> Known:
        started.append(Known(**plan))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Meter]:
    """Give a meter; whatever it started is ended."""
    meter = Meter(tmp_path)
    yield meter
    for process in meter.started:
        with process:
            process.kill()


@pytest.fixture
def site(meter: Meter) -> Iterator[Site]:
    """Give a site."""
    site = Site()
    yield site
    site.close()
