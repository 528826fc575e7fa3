"""The run in numbers (result.json): what was asked for, what happened, and whether the meter kept up."""

from pathlib import Path

import msgspec
import numpy as np

from mlagent.core.files import write_whole
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.request import Request
from mlagent.loadtest.samples import Samples, failed

LATE_SECONDS = 0.005


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over the whole run, warm-up and all.

    `unanswered` (status 0) is part of `errors` (no 2xx); `wrong` answers are none of these, and `first_wrong` is an
    example of them; rates are requests a second, due and answered;
    `late_share` is the share of requests that the meter sent more than 5 ms late of its own fault.
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


def summarise(request: Request, samples: Samples, first_wrong: Wrong | None, locust: str) -> Result:
    """Count; `locust` is its version. With no request at all the shares are 0."""
    bad = failed(samples)
    ends = samples["intended"] + samples["latency"]
    lasted = max(request.scheduled_seconds, float(ends[~bad].max(initial=0.0)))
    return Result(
        requests=len(samples),
        errors=int(bad.sum()),
        unanswered=int((samples["status"] == 0).sum()),
        wrong=int(samples["wrong"].sum()),
        first_wrong=first_wrong,
        rate_asked=request.rate_per_second,
        rate_answered=float((~bad).sum() / lasted),
        late_share=late_share(samples),
        locust=locust,
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
