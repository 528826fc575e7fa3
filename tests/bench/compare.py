"""Two commands in turn, A B A B …: the ratio of their CPU times, pair by pair, with its 95 % interval."""

import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from scipy.stats import t as student

ALTERNATIONS = 20


class Ratio(NamedTuple):
    """Geometric mean of the pairs' ratios, its 95 % interval (Student's t on the logarithms), both medians in ms."""

    ratio: float
    low: float
    high: float
    ours_ms: float
    peer_ms: float

    def __str__(self) -> str:
        """Say it, or say that the two cannot be told apart."""
        told = f"{self.ratio:.2f} (95 %: {self.low:.2f} to {self.high:.2f})"
        unresolved = " (not resolved: the interval holds 1)" if self.low <= 1 <= self.high else ""
        return f"{told}{unresolved}; medians {self.ours_ms:.1f} and {self.peer_ms:.1f} ms"


def cpu_ms(command: Sequence[str], folder: Path | None = None) -> float:
    """CPU milliseconds (user and system, children included) of one run of a command that must succeed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1000


def clock_ms(command: Sequence[str]) -> float:
    """Milliseconds on the clock of one run of a command that must succeed."""
    began = time.perf_counter()
    cpu_ms(command)
    return (time.perf_counter() - began) * 1000


def alternate(ours: Callable[[], float], peer: Callable[[], float], alternations: int = ALTERNATIONS) -> Ratio:
    """Take both readings (ms) once to warm up, then in turn."""
    ours(), peer()
    return ratio([(ours(), peer()) for _ in range(alternations)])


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Of readings (ms) taken in turn, ours first."""
    logs = [math.log(one / other) for one, other in pairs]
    middle, error = statistics.mean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    half = float(student.ppf(0.975, len(logs) - 1)) * error
    ours_ms, peer_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half), ours_ms, peer_ms)


def compare(ours: Sequence[str], peer: Sequence[str]) -> Ratio:
    """Two commands by their CPU time."""
    return alternate(lambda: cpu_ms(ours), lambda: cpu_ms(peer))
