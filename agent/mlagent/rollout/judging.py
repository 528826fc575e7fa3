"""Whether a release does well by what its own pods counted: decided only where the count is enough to tell."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from mlagent import __version__
from mlagent.core.digest import Digest
from mlagent.core.verdict import Check, Comparison, Verdict, check, spell, verdict
from mlagent.measure.binomial import interval
from mlagent.rollout.counters import Counters
from mlagent.rollout.readings import Readings

FEWEST = 20  # requests, before which nothing is found bad
EARLY, LATE = 0.999, 0.95  # confidence: what is looked at again and again must be surer than what is judged once
BEYOND_P99 = 0.01
RATE, LATENCY, RESTARTS = "error rate", "p99 latency", "restarts"
_AT_MOST: Comparison = "<="


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a release must show: the share of requests that may fail, latency in ms (None: not judged), restarts.

    Fewer than `requests_min` requests decide nothing, except that it is bad.
    """

    error_rate_max: float
    p99_ms: float | None = None
    restarts_max: int = 0
    requests_min: int = 0


def subject(environment: str) -> str:
    """How the verdict is called."""
    return f"soak@{environment}"


def while_it_comes(
    seen: Readings, limits: Limits, environment: str, inputs: Mapping[str, Digest] | None = None
) -> Verdict | None:
    """A fail where the pods' own errors are surely too many already, by a strict interval; None otherwise.

    It is asked every second, so it must be as good as sure: of 20 requests four, at a limit of 1 %.
    """
    counted = _sum(seen)
    if isinstance(counted, str):
        return None
    judged = _rate(counted, limits, EARLY)
    if judged.outcome != "fail":
        return None
    return verdict(subject(environment), [judged], inputs=inputs or {}, tools=_tools(), notes=_notes(seen))


def soaked(
    seen: Readings, limits: Limits, environment: str, *, over: bool, inputs: Mapping[str, Digest] | None = None
) -> Verdict:
    """Errors, latency and restarts since it was deployed; before it is `over`, what is bad must be as good as sure."""
    restarts = check(RESTARTS, seen.restarted, _AT_MOST, limits.restarts_max, samples=len(seen.restarts))
    checks, notes = _answers(seen, limits, LATE if over else EARLY)
    return verdict(
        subject(environment), [*checks, restarts], inputs=inputs or {}, tools=_tools(), notes=[*notes, *_notes(seen)]
    )


def _answers(seen: Readings, limits: Limits, confidence: float) -> tuple[list[Check], list[str]]:
    """Errors and latency; what could not be counted is not taken for nothing that happened."""
    counted = _sum(seen)
    if isinstance(counted, str):
        return [check(RATE, None, _AT_MOST, limits.error_rate_max, samples=0, samples_min=0, why=counted)], []
    if not (counted.requests or limits.requests_min or seen.unread):
        return [], ["no request came, and soak_requests_min asks for none: errors and latency are not judged"]
    latency = [] if limits.p99_ms is None else [_latency(counted, limits.p99_ms, limits.requests_min, confidence)]
    return [_rate(counted, limits, confidence), *latency], []


def _sum(seen: Readings) -> Counters | str:
    try:
        return seen.total
    except ValueError as error:
        return f"the counters cannot be summed up: {error}"


def _notes(seen: Readings) -> list[str]:
    return [f"not read this time: {one}" for one in seen.unread]


def _tools() -> dict[str, str]:
    return {"mlagent": __version__}


def _rate(counted: Counters, limits: Limits, confidence: float) -> Check:
    """The share of 5xx: bad where its interval lies above the limit, good where it is not above it itself."""
    most, of = limits.error_rate_max, counted.requests
    value, ends = counted.errors / of if of else None, interval(counted.errors, of, confidence)
    surely = ends[0] > most and of >= min(FEWEST, limits.requests_min or FEWEST)
    least = 1 if surely else limits.requests_min
    one = check(RATE, value, _AT_MOST, most, samples=of, samples_min=least, interval=ends)
    if one.outcome == "fail" and not surely:
        shown, limit = spell(float(value or 0), most, "")
        return _open(one, f"{RATE} {shown} is above {limit}, but {_too_few(of, counted.errors, 'errors')}")
    return one


def _latency(counted: Counters, limit_ms: float, requests_min: int, confidence: float) -> Check:
    """The percentile lies in one bucket of the histogram, of which the upper edge is said.

    Bad where surely more than 1 % took longer than the first edge that is not below the limit.
    """
    of = counted.buckets[-1][1] if counted.buckets else 0
    low, high = _p99(counted.buckets, of)
    over = of - next((n for edge, n in counted.buckets if edge is None or edge * 1000 >= limit_ms), of)
    ends = interval(over, of, confidence)
    surely = ends[0] > BEYOND_P99 and of >= min(FEWEST, requests_min or FEWEST)
    value = low if math.isinf(high) else high
    least = 1 if surely else requests_min
    one = check(LATENCY, value if of else None, _AT_MOST, limit_ms, unit="ms", samples=of, samples_min=least)
    if not of or of < least:
        return one
    where = f"{LATENCY} is {_between(low, high)}, the edges of its bucket"
    if surely:
        return msgspec.structs.replace(one, outcome="fail", reason=f"{where}, above {limit_ms:g} ms ({of} samples)")
    if high <= limit_ms:
        return msgspec.structs.replace(one, reason=f"{where}, at most {limit_ms:g} ms ({of} samples)")
    if low < limit_ms:
        return _open(one, f"{where}, and the limit of {limit_ms:g} ms is between them: take one of the two")
    return _open(one, f"{where}, above {limit_ms:g} ms, but {_too_few(of, over, 'slower ones')}")


def _p99(buckets: Sequence[tuple[float | None, int]], of: int) -> tuple[float, float]:
    """Between which edges (ms) the 99th percentile lies: the least one that 99 % of the requests do not exceed."""
    low = 0.0
    for edge, count in buckets:
        high = math.inf if edge is None else edge * 1000
        if count * 100 >= of * 99:
            return low, high
        low = high
    return low, math.inf


def _between(low: float, high: float) -> str:
    return f"above {low:g} ms" if math.isinf(high) else f"between {low:g} and {high:g} ms"


def _too_few(of: int, found: int, what: str) -> str:
    return f"{found} {what} among {of} requests are too few to be sure"


def _open(one: Check, reason: str) -> Check:
    return msgspec.structs.replace(one, outcome="inconclusive", reason=reason)
