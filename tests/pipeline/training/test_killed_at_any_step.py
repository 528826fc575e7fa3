"""kill -9 at a random moment, again and again: what it ends with is what it would have ended with, bit for bit."""

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.pipeline.training.conftest import Workshop

QUICK, LONG = 4, 100
FORKS = """
import os, signal, sys, time
from mlagent.training.__main__ import main

import torch  # once for all the children: a start costs seconds
for line in sys.stdin:
    path, _, seconds = line.strip().partition(" ")
    child = os.fork()
    if not child:
        os._exit(main([path]))
    end, status = time.monotonic() + float(seconds), (0, 0)
    while status[0] == 0 and time.monotonic() < end:
        time.sleep(0.002)
        status = os.waitpid(child, os.WNOHANG)
    if status[0] == 0:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)
    print(status[1], flush=True)
"""


class Starter:
    """A process that has torch, and starts the worker's requests as children that can be killed."""

    def __init__(self) -> None:
        """Start it; nothing has been asked yet."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._asked, self._said = self.process.stdin, self.process.stdout

    def run(self, path: str, kill_after: float = 100) -> int:
        """Do a request, and kill it after so many seconds; what waitpid said."""
        self._asked.write(f"{path} {kill_after}\n")
        self._asked.flush()
        return int(self._said.readline())

    def end(self) -> None:
        """Let it go."""
        self._asked.close()
        self.process.wait(30)
        self._said.close()


def lines(workshop: "Workshop") -> list[dict[str, float]]:
    """What was told of the epochs, but for the time they took."""
    told = [json.loads(line) for line in (workshop.output / "epochs.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in told]


@pytest.mark.parametrize("kills", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
def test_it_ends_bit_identical(workshop: "Workshop", kills: int) -> None:
    steps = {"epochs": 60, "schedule": "cosine", "clip_norm": 1.0, "checkpoint_steps": 5}
    path = workshop.output.parent / "request.json"
    path.write_text(json.dumps(workshop.training(**steps)))
    starter = Starter()
    try:
        starter.run(str(path))  # the first child pays for what is imported late
        shutil.rmtree(workshop.checkpoints)
        workshop.checkpoints.mkdir()
        began = time.monotonic()
        assert starter.run(str(path)) == 0
        took = time.monotonic() - began
        expected, told = (workshop.output / "model.pt").read_bytes(), lines(workshop)
        moments, killed = np.random.default_rng(kills), 0
        while killed < kills:
            shutil.rmtree(workshop.checkpoints)
            workshop.checkpoints.mkdir()
            for _ in range(3):
                killed += starter.run(str(path), kill_after=moments.uniform(0, took)) != 0
            assert starter.run(str(path)) == 0
            assert (workshop.output / "model.pt").read_bytes() == expected
            assert lines(workshop) == told
    finally:
        starter.end()
