"""Whether a load was measured at all: each reason why not, with its figures and what to do (pure).

What the server itself causes is no such reason: it is judged.
"""

from collections.abc import Iterator, Sequence

import msgspec

from mlagent.core.verdict import Check, check
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured
from mlagent.loadtest.result import LATE_SECONDS, PieceResult, Result

METRIC = "faults of the measurement"


def reasons(result: Result, measured: Measured, limits: Limits) -> Sequence[str]:
    """Every reason, as a sentence; none where what was measured can be judged."""
    return [
        *_lost(result),
        *_late(measured, limits),
        *_unreached(result, measured, limits),
        *_saturated(result, limits),
        *_few(measured, limits),
        *_jumped(result, limits),
    ]


def fit(faults: Sequence[str], measured: Measured) -> Check:
    """As a check: it passes where there is no fault, and is invalid where there is one."""
    one = check(METRIC, len(faults), "<=", 0, samples=max(1, measured.requests))
    return _invalid(one, "; and ".join(faults)) if faults else one


def void(one: Check) -> Check:
    """The same check, neither good nor bad."""
    figure = "" if one.value is None else f" {one.value:.4g} {one.unit}".rstrip()
    return _invalid(one, f"{one.metric}{figure} is shown, not judged: the measurement is invalid")


def _invalid(one: Check, reason: str) -> Check:
    return msgspec.structs.replace(one, outcome="invalid", reason=reason)


def _lost(result: Result) -> Iterator[str]:
    gone = [f"{one.worker} on {one.host}" for one in result.meters if one.lost]
    if gone:
        yield (
            f"the meter lost {len(gone)} of its {len(result.meters)} processes ({', '.join(gone)}): what these should"
            " have sent is missing; see that they live, and that the network to them holds"
        )


def _late(measured: Measured, limits: Limits) -> Iterator[str]:
    if measured.late_share > limits.late_share_max:
        yield (
            f"of its own fault the meter sent {measured.late_share:.2%} of the requests more than"
            f" {LATE_SECONDS * 1000:g} ms late, {limits.late_share_max:.2%} are allowed: this machine was too busy; let"
            " nothing else run on it meanwhile, or let more load-test.processes or remote workers ask"
        )


def _unreached(result: Result, measured: Measured, limits: Limits) -> Iterator[str]:
    """A server that breaks its own limit holds its callers up: that is its fault, and shows in what they felt."""
    short = [one for one in result.pieces if one.kept and one.due and _reached(one) < limits.rate_reached_min]
    if not short or _too_slow(measured, limits):
        return
    worst = min(short, key=_reached)
    called = f" in {worst.label!r}" if worst.label else ""
    busy = (
        f"; {measured.busy_share:.0%} of the requests waited because all users waited for answers: more load-test.users"
        if measured.busy_share > 1 - limits.rate_reached_min
        else "; let more load-test.processes or remote workers ask"
    )
    yield (
        f"the rate was not reached{called}: {worst.rate_sent:.4g} of {worst.due / worst.seconds:.4g} requests a second"
        f" were sent in time ({_reached(worst):.1%}, {limits.rate_reached_min:.1%} are asked for){busy}"
    )


def _reached(piece: PieceResult) -> float:
    return piece.rate_sent * piece.seconds / piece.due


def _too_slow(measured: Measured, limits: Limits) -> bool:
    found = measured.quantiles.get("p99")
    return bool(found and found.service and found.service.value > limits.p99_ms)


def _saturated(result: Result, limits: Limits) -> Iterator[str]:
    shares = [one.cpu_share for one in result.meters if one.cpu_share is not None]
    if shares and max(shares) > limits.cpu_share_max:
        yield (
            f"a process of the meter took {max(shares):.0%} of a core, {limits.cpu_share_max:.0%} are allowed: it was"
            " as fast as it can be, whatever the server did; more load-test.processes where cores are free, or remote"
            " workers"
        )


def _few(measured: Measured, limits: Limits) -> Iterator[str]:
    if measured.requests < limits.requests_min:
        more = f" (about {limits.requests_min / measured.rate:.0f} s at this rate)" if measured.rate else ""
        yield (
            f"{measured.requests} requests after the warm-up are too few, load-test.requests_min asks for"
            f" {limits.requests_min}: a greater load-test.duration_seconds{more}"
        )


def _jumped(result: Result, limits: Limits) -> Iterator[str]:
    if result.clock_jump_seconds > limits.clock_jump_seconds_max:
        yield (
            f"the clock jumped by {result.clock_jump_seconds:.3g} s meanwhile, {limits.clock_jump_seconds_max:g} s are"
            " allowed: this machine was suspended or its clock was set; measure again when it is not"
        )
