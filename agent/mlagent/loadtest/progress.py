"""How far a load is (progress.json), and who follows it: a line redrawn on a terminal, one every 10 s elsewhere."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mlagent.core.ports.log import Log
from mlagent.loadtest.request import Request
from mlagent.loadtest.tally import Tally

PROGRESS = "progress.json"
LINE_SECONDS = 10.0
EVENT = "seconds of load"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """So far: seconds of the load, requests a second asked for now and answered since last time, all latencies."""

    elapsed: float
    total: float
    rate_asked: float
    rate_reached: float
    p50_ms: float | None
    p99_ms: float | None
    errors: int


class Gauge:
    """Makes it out of what was counted, each time anew."""

    def __init__(self, request: Request) -> None:
        """Nothing was answered before."""
        self._request, self._before = request, (0.0, 0)

    def __call__(self, elapsed: float, tally: Tally) -> Progress:
        """After `elapsed` seconds."""
        total = self._request.scheduled_seconds
        since, before = self._before
        self._before = (elapsed, tally.answered)
        return Progress(
            elapsed=min(elapsed, total),
            total=total,
            rate_asked=self._asked(elapsed),
            rate_reached=(tally.answered - before) / max(elapsed - since, 1e-3),
            p50_ms=_ms(tally.quantile(0.5)),
            p99_ms=_ms(tally.quantile(0.99)),
            errors=tally.errors,
        )

    def _asked(self, elapsed: float) -> float:
        """The rate of the piece that it is in, or that was the last."""
        ends = zip(self._request.starts[1:], self._request.pieces, strict=True)
        return next((piece for end, piece in ends if elapsed < end), self._request.pieces[-1]).rate_per_second


def replace(folder: Path, progress: Progress) -> None:
    """Write it anew: never seen half written, and not flushed to the disk."""
    beside = folder / f".{PROGRESS}"
    beside.write_bytes(msgspec.json.encode(progress))
    beside.replace(folder / PROGRESS)


class Follower:
    """Tells a log how far the load is whose meter writes into `folder`: call it a few times a second."""

    def __init__(self, log: Log, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        """The first line comes after 10 s."""
        self._log, self._path, self._now = log, folder / PROGRESS, now
        self._told, self._seen = now(), b""

    def __call__(self) -> None:
        """Look once; nothing is told where nothing is new."""
        try:
            seen = self._path.read_bytes()
        except OSError:  # not there yet, or not any more
            return
        if seen == self._seen:
            return
        self._seen = seen
        self._tell(msgspec.json.decode(seen, type=Progress))

    def _tell(self, found: Progress) -> None:
        done, of = round(found.elapsed), max(round(found.total), 1)
        said = {
            "asked": f"{found.rate_asked:.0f}/s",
            "reached": f"{found.rate_reached:.0f}/s",
            "p50": _said(found.p50_ms),
            "p99": _said(found.p99_ms),
            "errors": found.errors,
        }
        if self._now() - self._told < LINE_SECONDS:
            self._log.underway(EVENT, done, of, **said)
            return
        self._told = self._now()
        self._log.progress(EVENT, done, of, **said)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _said(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.3g} ms"
