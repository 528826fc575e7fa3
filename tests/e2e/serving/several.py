"""A server of several processes, and what the system knows of them."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.e2e.serving.conftest import write_model

PAGE = 4096


class Several(NamedTuple):
    """A server that answers: the process that keeps the others, and its folder."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    port: int
    metrics_url: str

    def workers(self) -> list[int]:
        """The processes that answer."""
        return children(self.process.pid)

    def memory(self) -> int:
        """Bytes in RAM, of all processes."""
        statms = [Path(f"/proc/{pid}/statm").read_text() for pid in (self.process.pid, *self.workers())]
        return sum(int(one.split()[1]) * PAGE for one in statms)

    def files(self) -> int:
        """Files and sockets open in all processes."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in (self.process.pid, *self.workers()))

    def gauge(self, name: str) -> float:
        """A number of /metrics."""
        with urllib.request.urlopen(f"{self.metrics_url}/metrics", timeout=10) as answer:
            found = re.search(rf"^mlagent_serving_{name} (\S+)$", answer.read().decode(), re.MULTILINE)
        assert found
        return float(found[1])

    def errors(self) -> str:
        """What was said on standard error."""
        return (self.folder / "stderr").read_text()


@contextmanager
def several(folder: Path, *more: str, killed: bool = False) -> Iterator[Several]:
    """Serve with two processes, or as `more` options say; it ends well, unless it is `killed`."""
    write_model(folder)
    command = [
        *(sys.executable, "-W", "error", "-m", "mlagent.serving", "--model", str(folder / "model.onnx")),
        *("--signature", str(folder / "signature.json"), "--name", "kinds", "--port", "0", "--metrics-port", "0"),
        *("--processes", "2", "--ready-file", str(folder / "ready.json"), *more),
    ]
    with (folder / "stderr").open("wb") as errors, subprocess.Popen(command, stderr=errors) as process:
        try:
            wait_for(lambda: (folder / "ready.json").exists() or process.poll() is not None)
            urls: Any = json.loads((folder / "ready.json").read_text())
            server = Several(process, folder, urlsplit(urls["url"]).port or 0, urls["metrics_url"])
            wait_for(lambda: len(server.workers()) == 2)
            yield server
        finally:
            process.terminate()
        assert process.wait(30) == (-9 if killed else 0), (folder / "stderr").read_text()


def children(pid: int) -> list[int]:
    """The processes that another one started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Fail when it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
