"""The run in numbers (result.json): what was asked for, what happened, and whether the meter kept up."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from mlagent.core.files import write_whole
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.request import Piece, Request
from mlagent.loadtest.samples import Samples, failed, sent

LATE_SECONDS = 0.005


class PieceResult(msgspec.Struct, frozen=True, kw_only=True):
    """One piece: how many requests were `due` in it, and of these `sent` and `answered` (2xx), ever.

    `rate_asked` is the request's, `rate_sent` counts what was sent before the piece was over, both a second. Where
    arrivals are random `due` is, too: whether the rate was reached is `rate_sent` beside `due / seconds`.
    """

    label: str
    kept: bool
    due: int
    sent: int
    answered: int
    seconds: float
    rate_asked: float
    rate_sent: float


class MeterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One meter process: its share of one core over the whole load, and in its worst second; 1 is all of a core.

    `lost`: it died or fell silent, and its requests count as never sent. The shares are None where it told none.
    """

    worker: int
    host: str
    cpu_share: float | None
    cpu_share_max: float | None
    lost: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over the whole run, warm-up and all.

    `unanswered` (status 0) is part of `errors` (no 2xx); `wrong` answers are none of these, and `first_wrong` is an
    example of them; rates are requests a second, due and answered;
    `late_share` is the share of requests that the meter sent more than 5 ms late of its own fault;
    `clock_jump_seconds` is the most that a meter's wall clock and its monotonic one drifted apart within a second.
    """

    requests: int
    errors: int
    unanswered: int
    wrong: int
    first_wrong: Wrong | None
    rate_asked: float
    rate_answered: float
    late_share: float
    locust: str
    pieces: tuple[PieceResult, ...]
    meters: tuple[MeterHealth, ...]
    clock_jump_seconds: float


def summarise(
    request: Request,
    samples: Samples,
    first_wrong: Wrong | None,
    locust: str,
    *,
    meters: Sequence[MeterHealth] = (),
    clock_jump_seconds: float = 0.0,
) -> Result:
    """Count; `locust` is its version. With no request at all the shares are 0."""
    bad = failed(samples)
    ends = samples["intended"] + samples["latency"]
    seconds = request.scheduled_seconds
    lasted = max(seconds, float(ends[~bad].max(initial=0.0)))
    return Result(
        requests=len(samples),
        errors=int(bad.sum()),
        unanswered=int((samples["status"] == 0).sum()),
        wrong=int(samples["wrong"].sum()),
        first_wrong=first_wrong,
        rate_asked=sum(one.rate_per_second * one.seconds for one in request.pieces) / seconds,
        rate_answered=float((~bad).sum() / lasted),
        late_share=late_share(samples),
        locust=locust,
        pieces=tuple(
            _piece(one, samples[samples["piece"] == number], request.starts[number + 1])
            for number, one in enumerate(request.pieces)
        ),
        meters=tuple(meters),
        clock_jump_seconds=clock_jump_seconds,
    )


def _piece(piece: Piece, rows: Samples, end: float) -> PieceResult:
    moments = sent(rows)
    return PieceResult(
        label=piece.label,
        kept=piece.kept,
        due=len(rows),
        sent=int(np.isfinite(moments).sum()),
        answered=int((~failed(rows)).sum()),
        seconds=piece.seconds,
        rate_asked=piece.rate_per_second,
        rate_sent=float((moments < end + LATE_SECONDS).sum() / piece.seconds),
    )


def late_share(samples: Samples) -> float:
    """Give the share (0 .. 1) of requests that the meter itself sent too late; 0 without requests."""
    return float(np.mean(samples["lag"] > LATE_SECONDS)) if len(samples) else 0.0


def read(path: Path) -> Result:
    """Read the file of a process that ended well."""
    return msgspec.json.decode(path.read_bytes(), type=Result)


def write(path: Path, result: Result) -> None:
    """Write the file, whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(result)))
