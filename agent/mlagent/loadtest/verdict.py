"""Samples and limits to a Verdict: how long callers wait, how often in vain, and whether the meter can say so."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from mlagent.core.digest import Digest
from mlagent.core.verdict import Check, Verdict, check, verdict
from mlagent.loadtest.result import LATE_SECONDS, late_share
from mlagent.loadtest.samples import Samples, failed
from mlagent.loadtest.schedule import Seconds

SUBJECT = "load-test"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The SLA, and what its measurement must be like: shares are 0 .. 1.

    Fewer than `requests_min` requests, or a meter that sent more than `late_share_max` of them late, decide nothing.
    """

    p99_ms: float
    error_rate_max: float
    requests_min: int
    late_share_max: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured after the warm-up; percentiles in ms, None without requests.

    A percentile is a latency that was seen, the next one above where two are in question; a failed request
    counts with at least the whole time-out, however quickly it failed: it was not answered in that time.
    """

    requests: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_rate: float | None
    late_share: float


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
    )


def judge(
    measured: Measured,
    limits: Limits,
    *,
    inputs: Mapping[str, Digest],
    tools: Mapping[str, str],
    valid_until: str | None = None,
) -> Verdict:
    """Compare with the limits; a meter that was late makes everything inconclusive, good or bad."""
    samples, least = measured.requests, limits.requests_min
    checks: Sequence[Check] = (
        check("p99 latency", measured.p99_ms, "<=", limits.p99_ms, unit="ms", samples=samples, samples_min=least),
        check("error rate", measured.error_rate, "<=", limits.error_rate_max, samples=samples, samples_min=least),
    )
    if measured.late_share > limits.late_share_max:
        checks = [_undecided(one, measured, limits) for one in checks]
    return verdict(SUBJECT, checks, inputs=inputs, tools=tools, valid_until=valid_until)


def _percentile_ms(latency: Seconds, share: int) -> float | None:
    """Take the order statistic itself, never a value between two: interpolation reads a tail too low."""
    return float(np.percentile(latency, share, method="higher")) * 1000 if len(latency) else None


def _undecided(one: Check, measured: Measured, limits: Limits) -> Check:
    reason = (
        f"{one.metric}: of its own fault the meter sent {measured.late_share:.2%} of the requests more than"
        f" {LATE_SECONDS * 1000:g} ms late, {limits.late_share_max:.2%} are allowed: this machine was too busy"
    )
    return msgspec.structs.replace(one, outcome="inconclusive", reason=reason)
