"""Samples and limits to checks: how long callers wait, how often in vain, and whether the meter can say so."""

from collections.abc import Sequence

import msgspec
import numpy as np

from mlagent.core.verdict import Check, check
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.result import LATE_SECONDS, late_share
from mlagent.loadtest.samples import Samples, failed
from mlagent.loadtest.schedule import Seconds

SUBJECT = "load-test"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The SLA, and what its measurement must be like: shares are 0 .. 1; a percentile without limit is not judged.

    Fewer than `requests_min` requests, or a meter that sent more than `late_share_max` of them late, decide nothing.
    """

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float
    error_rate_max: float
    requests_min: int
    late_share_max: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured after the warm-up; percentiles in ms, None without requests.

    A percentile is a latency that was seen, the next one above where two are in question; a failed request
    counts with at least the whole time-out, however quickly it failed: it was not answered in that time.
    `answered` and `wrong` count the warm-up too: an answer then must be right as well.
    """

    requests: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_rate: float | None
    late_share: float
    answered: int
    wrong: int


def measure(samples: Samples, *, warmup_seconds: float, timeout_seconds: float) -> Measured:
    """Drop what was due during the warm-up, and measure the rest."""
    kept = samples[samples["intended"] >= warmup_seconds]
    bad = failed(kept)
    waited = np.where(bad, np.maximum(kept["latency"], timeout_seconds), kept["latency"])
    p50, p95, p99 = (_percentile_ms(waited, share) for share in (50, 95, 99))
    return Measured(
        requests=len(kept),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        error_rate=float(bad.mean()) if len(kept) else None,
        late_share=late_share(kept),
        answered=int((~failed(samples)).sum()),
        wrong=int(samples["wrong"].sum()),
    )


def judge(measured: Measured, limits: Limits, first_wrong: Wrong | None = None) -> Sequence[Check]:
    """Compare with the limits; a meter that was late cannot say how fast it was, only that an answer was wrong."""
    least = limits.requests_min
    checks = [
        check(f"{name} latency", value, "<=", limit, unit="ms", samples=measured.requests, samples_min=least)
        for name, value, limit in (
            ("p50", measured.p50_ms, limits.p50_ms),
            ("p95", measured.p95_ms, limits.p95_ms),
            ("p99", measured.p99_ms, limits.p99_ms),
        )
        if limit is not None
    ]
    rate, most = measured.error_rate, limits.error_rate_max
    checks.append(check("error rate", rate, "<=", most, samples=measured.requests, samples_min=least))
    if measured.late_share > limits.late_share_max:
        checks = [_undecided(one, measured, limits) for one in checks]
    return [*checks, _with(check("wrong answers", measured.wrong, "<=", 0, samples=measured.answered), first_wrong)]


def at_rest(first_wrong: Wrong | None, rows: int) -> Check:
    """Judge the golden rows that were asked for one after another, up to the first that is not as expected."""
    asked, wrong = (rows, 0) if first_wrong is None else (first_wrong.row + 1, 1)
    return _with(check("golden rows not as expected", wrong, "<=", 0, samples=asked), first_wrong)


def _with(one: Check, wrong: Wrong | None) -> Check:
    """The same check, with an example."""
    if wrong is None:
        return one
    return msgspec.structs.replace(one, reason=f"{one.reason}: of golden row {wrong.row} {wrong.says}")


def _percentile_ms(latency: Seconds, share: int) -> float | None:
    """Take the order statistic itself, never a value between two: interpolation reads a tail too low."""
    return float(np.percentile(latency, share, method="higher")) * 1000 if len(latency) else None


def _undecided(one: Check, measured: Measured, limits: Limits) -> Check:
    reason = (
        f"{one.metric}: of its own fault the meter sent {measured.late_share:.2%} of the requests more than"
        f" {LATE_SECONDS * 1000:g} ms late, {limits.late_share_max:.2%} are allowed: this machine was too busy"
    )
    return msgspec.structs.replace(one, outcome="inconclusive", reason=reason)
