"""A server as a process: started, asked until it answers, held against ONNX Runtime's answer, and stopped."""

import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.bench.serving.asks import Ask
from tests.bench.serving.models import Case
from tests.bench.serving.usage import members

PATIENCE = 90.0
TOLERANCE = 1e-4
BROKEN = 500


class Way(NamedTuple):
    """One way to run a server: the command, given a port, in a folder of its own; `settings` in words."""

    settings: str
    command: Callable[[int, Path], Sequence[str]]
    env: Mapping[str, str]
    ask: Ask


class Server(NamedTuple):
    """One that answers."""

    way: Way
    url: str
    pid: int
    started_seconds: float


@contextmanager
def serving(way: Way, case: Case) -> Iterator[Server]:
    """Give it once it has answered right, and stop all its processes after that."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _ports()
        command = [str(part) for part in way.command(port, folder)]
        began = time.perf_counter()
        with (folder / "log").open("wb") as log:
            env = dict(os.environ) | dict(way.env) | {"HOME": name}
            started = {"stdout": log, "stderr": subprocess.STDOUT, "cwd": name, "env": env, "start_new_session": True}
            process = subprocess.Popen(command, **started)  # type: ignore[call-overload]
        try:
            url = f"http://127.0.0.1:{port}"
            answer = _first_answer(process, url, way.ask, folder / "log")
            took = time.perf_counter() - began
            if np.abs(answer.ravel() - case.answer.ravel()).max() > TOLERANCE:
                raise RuntimeError(f"{way.settings}: {answer} is not ONNX Runtime's answer, {case.answer}")
            yield Server(way, url, process.pid, took)
        finally:
            _stop(process)


def _ports() -> int:
    """The first of three free ports in a row, below those that the system gives to wrk's own connections."""
    for port in random.sample(range(20_000, 30_000, 3), 100):
        with suppress(OSError), ExitStack() as held:
            for one in range(port, port + 3):
                held.enter_context(socket.create_server(("127.0.0.1", one)))
            return port
    raise RuntimeError("no three free ports in a row between 20000 and 30000")


def post(url: str, ask: Ask, timeout: float = 60) -> np.ndarray:
    """Ask once. Raises OSError where nothing, or no 2xx, comes back."""
    request = urllib.request.Request(url + ask.path, ask.body, dict(ask.headers))
    with urllib.request.urlopen(request, timeout=timeout) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return ask.read(response.read(), headers)


def _first_answer(process: subprocess.Popen[bytes], url: str, ask: Ask, log: Path) -> np.ndarray:
    until = time.perf_counter() + PATIENCE
    while True:
        try:
            return post(url, ask)
        except OSError as error:
            status, said = (error.code, error.read()) if isinstance(error, urllib.error.HTTPError) else (0, b"")
            if process.poll() is not None or time.perf_counter() > until or status == BROKEN:
                raise RuntimeError(f"{process.args!r}: {error} {said!r}\n{log.read_text()[-3000:]}") from error
        time.sleep(0.005)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """First kindly; whatever is left of its processes after five seconds is killed."""
    left = members(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(5)
