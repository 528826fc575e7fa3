"""What the server counts, and how Prometheus reads it (text format 0.0.4)."""

import platform
import resource
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from mlagent.serving.counters import Counters

BUCKETS = (
    *(0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)  # seconds
STATUSES = (200, 400, 401, 404, 405, 408, 413, 414, 415, 417, 431, 499, 500, 503, 504)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
_STATUS = {status: at for at, status in enumerate(STATUSES)}
_HISTOGRAM = len(STATUSES)
_SECONDS = _HISTOGRAM + len(BUCKETS) + 1
_STRIDE = _SECONDS + 1
GAUGES = (
    "in_flight",
    "rows",
    "waiting",
    "running",
    "connections",
    "batches",
    "cpu",
    "memory",
    "files",
    "beat",
    "wanted",
)
IN_FLIGHT, ROWS, WAITING, RUNNING, CONNECTIONS, BATCHES, CPU, MEMORY, FILES, BEAT, WANTED = range(len(GAUGES))
_PROC = Path("/proc/self")
_PREFIX = "mlagent_serving"
_STARTED = time.time()
Lines = Iterable[tuple[str, Mapping[str, str], float]]  # a suffix of the name, labels, value


def size(labels: Sequence[str]) -> int:
    """How many numbers a process counts for routes of these labels (and OTHER)."""
    return len(GAUGES) + (len(labels) + 1) * _STRIDE


class Meter:
    """Counts the requests of one process, and tells those of all that share its counters."""

    def __init__(
        self, info: Mapping[str, str], labels: Sequence[str], counters: Counters | None = None, block: int = 0
    ) -> None:
        """`info` says which model is served; `block` is this process's own."""
        self._info = info
        self._labels = [*labels, OTHER]
        self._all = counters or Counters(1, size(labels))
        self.mine = self._all.block(block)
        self._at = {label: len(GAUGES) + at * _STRIDE for at, label in enumerate(self._labels)}
        self.mine[IN_FLIGHT] = 0.0

    def begin(self) -> None:
        """One request has begun."""
        self.mine[IN_FLIGHT] += 1

    def count(self, label: str, status: int, seconds: float, rows: int = 0) -> None:
        """It has ended; a label is of a fixed table, never what a client sent."""
        mine, at = self.mine, self._at[label]
        mine[IN_FLIGHT] -= 1
        mine[at + _STATUS[status]] += 1
        mine[at + _HISTOGRAM + bisect_left(BUCKETS, seconds)] += 1
        mine[at + _SECONDS] += seconds
        if rows:
            mine[ROWS] += rows

    def beat(self) -> None:
        """Note what this process takes, and that it is not stuck."""
        self.mine[CPU] = time.process_time()
        self.mine[BEAT] = time.monotonic()
        if _PROC.exists():
            self.mine[MEMORY] = int((_PROC / "statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
            self.mine[FILES] = sum(1 for _ in (_PROC / "fd").iterdir())

    def text(self, *, ready: bool) -> str:
        """Everything counted so far, by all processes."""
        found = self._all.total()
        families = (
            _family("requests_total", "counter", "Requests answered.", self._requests(found)),
            _family("request_seconds", "histogram", "From the request's head to its answer.", self._histograms(found)),
            *_plain(found),
            _family("ready", "gauge", "1 while requests are wanted, 0 once the end has begun.", [("", {}, ready)]),
            _family("model_info", "gauge", "What is served, and by what.", [("", self._info, 1)]),
            *_process(found),
        )
        return "".join(line for family in families for line in family)

    def _requests(self, found: Sequence[float]) -> Iterator[tuple[str, Mapping[str, str], float]]:
        for label, at in self._at.items():
            for status, number in zip(STATUSES, found[at : at + _HISTOGRAM], strict=True):
                if number:
                    yield "", {"route": label, "status": str(status)}, number

    def _histograms(self, found: Sequence[float]) -> Iterator[tuple[str, Mapping[str, str], float]]:
        for label, at in self._at.items():
            counts = found[at + _HISTOGRAM : at + _SECONDS]
            if not any(counts):
                continue
            for bound, total in zip([*map(str, BUCKETS), "+Inf"], accumulate(counts), strict=True):
                yield "_bucket", {"route": label, "le": bound}, total
            yield "_sum", {"route": label}, found[at + _SECONDS]
            yield "_count", {"route": label}, sum(counts)


def _plain(found: Sequence[float]) -> Iterator[Iterable[str]]:
    described = (
        (IN_FLIGHT, "requests_in_flight", "gauge", "Requests that are being answered."),
        (ROWS, "rows_total", "counter", "Rows answered."),
        (WAITING, "requests_waiting", "gauge", "Of these, requests that wait for the model."),
        (RUNNING, "inferences_running", "gauge", "Inferences that run in threads of their own."),
        (BATCHES, "inferences_total", "counter", "Calls of the model; several requests may share one."),
        (CONNECTIONS, "connections", "gauge", "Clients that are connected."),
    )
    for at, name, kind, about in described:
        yield _family(name, kind, about, [("", {}, found[at])])


def _process(found: Sequence[float]) -> Iterator[Iterable[str]]:
    """The server's processes together, by the names that Prometheus' own clients use."""
    described = [
        ("cpu_seconds_total", "counter", "CPU time used.", found[CPU]),
        ("start_time_seconds", "gauge", "When the process began, in seconds since 1970.", _STARTED),
    ]
    if _PROC.exists():
        described.append(("resident_memory_bytes", "gauge", "Memory in RAM.", found[MEMORY]))
        described.append(("open_fds", "gauge", "Files and sockets open.", found[FILES]))
    for name, kind, about, value in described:
        yield _family(name, kind, about, [("", {}, value)], prefix="process")
    yield _family("info", "gauge", "Python.", [("", {"version": platform.python_version()}, 1)], prefix="python")


def _family(name: str, kind: str, about: str, lines: Lines, prefix: str = _PREFIX) -> Iterator[str]:
    full = f"{prefix}_{name}"
    yield f"# HELP {full} {about}\n# TYPE {full} {kind}\n"
    for suffix, labels, value in lines:
        yield f"{full}{suffix}{_spelled(labels)} {float(value)!r}\n"


def _spelled(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{text}"' for name, text in labels.items()) + "}" if labels else ""
