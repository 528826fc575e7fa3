"""What the server counts, and how Prometheus reads it (text format 0.0.4)."""

import platform
import resource
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path

BUCKETS = (
    *(0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)  # seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PROC = Path("/proc/self")
_PREFIX = "mlagent_serving"
_STARTED = time.time()
Lines = Iterable[tuple[str, Mapping[str, str], float]]  # a suffix of the name, labels, value


class Meter:
    """Counts requests; `in_flight` and `rows` are written by those who know."""

    def __init__(self, info: Mapping[str, str]) -> None:
        """`info` says which model is served."""
        self._info = info
        self._requests: Counter[tuple[str, int]] = Counter()
        self._latencies: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self.in_flight = 0
        self.rows = 0

    def count(self, route: str, status: int, seconds: float) -> None:
        """One answered request; a route is of a fixed table, never what a client sent."""
        self._requests[route, status] += 1
        self._latencies.setdefault(route, [0] * (len(BUCKETS) + 1))[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def text(self, *, ready: bool) -> str:
        """Everything counted so far."""
        requests = [("", {"route": route, "status": str(status)}, n) for (route, status), n in self._requests.items()]
        families = (
            _family("requests_total", "counter", "Requests answered.", requests),
            _family("request_seconds", "histogram", "From the request's head to its answer.", self._histograms()),
            _family("requests_in_flight", "gauge", "Requests that are being answered.", [("", {}, self.in_flight)]),
            _family("rows_total", "counter", "Rows answered.", [("", {}, self.rows)]),
            _family("ready", "gauge", "1 while requests are wanted, 0 once the end has begun.", [("", {}, ready)]),
            _family("model_info", "gauge", "What is served, and by what.", [("", self._info, 1)]),
            *_process(),
        )
        return "".join(line for family in families for line in family)

    def _histograms(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        for route, counts in self._latencies.items():
            for bound, total in zip([*map(str, BUCKETS), "+Inf"], accumulate(counts), strict=True):
                yield "_bucket", {"route": route, "le": bound}, total
            yield "_sum", {"route": route}, self._seconds[route]
            yield "_count", {"route": route}, sum(counts)


def _process() -> Iterator[Iterable[str]]:
    """The process itself, by the names that Prometheus' own clients use; memory and files where there is /proc."""
    described = [
        ("cpu_seconds_total", "counter", "CPU time used.", time.process_time()),
        ("start_time_seconds", "gauge", "When the process began, in seconds since 1970.", _STARTED),
    ]
    if _PROC.exists():
        pages = int((_PROC / "statm").read_text(encoding="ascii").split()[1])
        files = sum(1 for _ in (_PROC / "fd").iterdir())
        described.append(("resident_memory_bytes", "gauge", "Memory in RAM.", pages * resource.getpagesize()))
        described.append(("open_fds", "gauge", "Files and sockets open.", files))
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
