"""A server of several processes, and what can be seen of it from outside."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60.0


class House(NamedTuple):
    """Where it answers, its keeper's process."""

    url: str
    metrics_url: str
    process: "subprocess.Popen[str]"

    def number(self, name: str) -> float:
        """A number of its metrics, summed over labels."""
        with urllib.request.urlopen(f"{self.metrics_url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(one) for one in re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))

    def memory(self) -> float:
        """Bytes of all its processes, as they last told: each does once a second."""
        time.sleep(1.5)
        return self.number("process_resident_memory_bytes")

    def workers(self) -> list[int]:
        """Its workers' process ids."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(one) for one in children.split()]

    def until(self, name: str, value: float) -> None:
        """Wait until a number is this."""
        end = time.monotonic() + PATIENCE
        while self.number(name) != value:
            assert time.monotonic() < end, (name, self.number(name))
            time.sleep(0.05)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[House]:
    """Serve the model of a folder by two processes, until the block ends; what it says on stderr must be nothing."""
    ready = folder / "house.json"
    command = [
        *(sys.executable, "-W", "error", "-m", "mlagent.serving", "--model", str(folder / "model.onnx")),
        *("--signature", str(folder / "signature.json"), "--name", "kinds", "--processes", "2", "--port", "0"),
        *("--metrics-port", "0", "--ready-file", str(ready), *options),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not ready.exists():
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < end
                time.sleep(0.01)
            told = json.loads(ready.read_text())
            house = House(told["url"], told["metrics_url"], process)
            while len(house.workers()) < 2:
                assert time.monotonic() < end
                time.sleep(0.01)
            yield house
        finally:
            process.terminate()
            said = process.communicate(timeout=PATIENCE)[1]
        assert said == ""
        assert process.returncode == 0
