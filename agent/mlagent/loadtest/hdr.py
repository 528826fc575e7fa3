"""All latencies as an HdrHistogram log (latency.hlog): microseconds from when requests were due, a line a second.

Lines carry the name of their target as a tag. Histograms keep three significant digits; failed requests count with
at least the time-out, as in the verdict. Any tool that reads this log can plot it, add it up and compare it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from mlagent.core.files import write_whole
from mlagent.loadtest.request import Request
from mlagent.loadtest.samples import Samples, failed

DIGITS = 3
LOWEST, HIGHEST = 1, 24 * 3600 * 1_000_000  # microseconds
_BITS = 11  # that a histogram of three digits tells apart

Microseconds = npt.NDArray[np.int64]


def write(path: Path, request: Request, samples: Samples, began: float) -> None:
    """Write the log, whole or not at all; `began` is the common start in seconds since the epoch."""
    write_whole(path, "".join(f"{line}\n" for line in _lines(request, samples, began)).encode())


def _lines(request: Request, samples: Samples, began: float) -> Iterator[str]:
    yield "#[mlagent load test: microseconds from when each request was due]"
    yield "#[Histogram log format version 1.3]"
    yield f"#[StartTime: {began:.3f} (seconds since epoch), {datetime.fromtimestamp(began, UTC).isoformat()}]"
    yield f"#[BaseTime: {began:.3f} (seconds since epoch)]"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    waited = np.where(failed(samples), np.maximum(samples["latency"], request.timeout_seconds), samples["latency"])
    micros = np.clip(waited * 1e6, LOWEST, HIGHEST).astype(np.int64)
    seconds = samples["intended"].astype(np.int64)
    targets = np.array([one.target for one in request.pieces])[samples["piece"]]
    for second, start, end in _spans(seconds):
        for number, target in enumerate(request.targets):
            found = micros[start:end][targets[start:end] == number]
            if len(found):
                yield f"Tag={target.name},{second:.3f},1.000,{found.max() / 1000:.3f},{_encoded(found)}"


def _spans(seconds: Microseconds) -> Iterator[tuple[int, int, int]]:
    """Each second in which something was due, and where its rows start and end: rows stand by when they were due."""
    found, starts = np.unique(seconds, return_index=True)
    yield from zip(found.tolist(), starts.tolist(), [*starts.tolist(), len(seconds)][1:], strict=True)


def _encoded(micros: Microseconds) -> str:
    """One second as a compressed histogram in base64."""
    histogram = HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for value, count in zip(*classes(micros), strict=True):
        histogram.record_value(value, count)
    encoded: bytes = histogram.encode()
    return encoded.decode()


def classes(micros: Microseconds) -> tuple[Sequence[int], Sequence[int]]:
    """The least value of each class of the histogram that something fell into, and how many did."""
    shift = np.maximum(np.frexp(micros.astype(np.float64))[1] - _BITS, 0)
    values, counts = np.unique((micros >> shift) << shift, return_counts=True)
    return values.tolist(), counts.tolist()
