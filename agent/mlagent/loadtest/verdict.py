"""What was measured and limits to checks: how long callers wait, how often in vain, and whether that can be said.

A percentile passes where its interval ends at or below the limit, and fails where it begins above it; where the limit
lies within, more requests must decide. Judged is the latency from when a request was due.
"""

from collections.abc import Sequence

import msgspec

from mlagent.core.verdict import Check, check
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured, Quantile, measure
from mlagent.loadtest.quantiles import LEVEL, Estimate
from mlagent.loadtest.validity import fit, void

__all__ = ["SUBJECT", "Limits", "Measured", "at_rest", "judge", "measure"]
SUBJECT = "load-test"
SURE = 1 - (1 - LEVEL) / 2


def judge(
    measured: Measured,
    limits: Limits,
    first_wrong: Wrong | None = None,
    *,
    faults: Sequence[str] = (),
    champion: Measured | None = None,
    compared: Sequence[Check] = (),
) -> Sequence[Check]:
    """Compare with the limits, and with production where it was `compared`.

    A measurement with `faults` says nothing of speed and errors, only that an answer was wrong. Where production
    itself breaks a limit on this machine, that limit is shown, not judged: the comparison decides. Where all limits
    surely hold, a comparison that is not resolved is shown alone.
    """
    checks = [
        _beside(_latency(name, measured, limit, limits), champion if compared else None, name, limit)
        for name, limit in limits.latency.items()
        if limit is not None
    ]
    of, least = measured.requests, limits.requests_min
    errors = check("error rate", measured.error_rate, "<=", limits.error_rate_max, samples=of, samples_min=least)
    surely = bool(checks) and all(one.outcome == "pass" for one in checks)
    judged = [*checks, errors, *(_unresolved(one) if surely else one for one in compared)]
    judged = [void(one) for one in judged] if faults else judged
    wrong = _with(check("wrong answers", measured.wrong, "<=", 0, samples=measured.answered), first_wrong)
    return [fit(faults, measured), *judged, wrong] if faults else [*judged, wrong, fit(faults, measured)]


def at_rest(first_wrong: Wrong | None, rows: int) -> Check:
    """Judge the golden rows that were asked for one after another, up to the first that is not as expected."""
    asked, wrong = (rows, 0) if first_wrong is None else (first_wrong.row + 1, 1)
    return _with(check("golden rows not as expected", wrong, "<=", 0, samples=asked), first_wrong)


def _latency(name: str, measured: Measured, limit: float, limits: Limits) -> Check:
    quantile = measured.quantiles.get(name, Quantile(due=None, service=None))
    found = quantile.due
    one = check(
        f"{name} latency",
        found.value if found else None,
        "<=",
        limit,
        unit="ms",
        samples=measured.requests,
        samples_min=limits.requests_min,
        interval=(found.low, found.high) if found else None,
    )
    if found is None or measured.requests < limits.requests_min:
        return one
    if found.low <= limit < found.high:
        return _open(one, found, limit, _more(quantile, measured))
    return _doubted(one, found)


def _open(one: Check, found: Estimate, limit: float, more: str) -> Check:
    reason = (
        f"{one.metric} {found.value:.4g} ms lies between {found.low:.4g} and {found.high:.4g} ms, which is not surely"
        f" on one side of {limit:.4g} ms ({found.samples} samples, worth {found.worth:.0f} independent ones): {more}"
    )
    return msgspec.structs.replace(one, outcome="inconclusive", reason=reason)


def _more(quantile: Quantile, measured: Measured) -> str:
    """How long it would take until it is decided."""
    if quantile.decides is None:
        return "it is the limit itself, which no number of requests decides"
    seconds = f" ({quantile.decides / measured.rate:,.0f} s at this rate)" if measured.rate else ""
    return f"about {quantile.decides:,.0f} requests{seconds} would decide"


def _doubted(one: Check, found: Estimate) -> Check:
    """The highest seen stands for an end that so few samples do not have: it is told how sure that is."""
    if one.outcome != "pass" or found.sure >= SURE:
        return one
    few = f"the slowest of so few requests is within the limit, which is sure to {found.sure:.0%} only"
    return msgspec.structs.replace(one, reason=f"{one.reason}; {few}")


def _beside(one: Check, champion: Measured | None, name: str, limit: float) -> Check:
    found = champion.quantiles.get(name) if champion else None
    if one.outcome == "pass" or found is None or found.due is None or found.due.low <= limit:
        return one
    said = f"shown, not judged: what serves in production takes {found.due.value:.4g} ms on this machine itself"
    return msgspec.structs.replace(one, outcome="warn", reason=f"{one.reason}; {said}")


def _unresolved(one: Check) -> Check:
    """A ratio that so short a load cannot tell holds no model up that surely keeps its limits here."""
    if one.outcome != "inconclusive":
        return one
    return msgspec.structs.replace(
        one, outcome="warn", reason=f"{one.reason}; shown, not judged: the limits surely hold"
    )


def _with(one: Check, wrong: Wrong | None) -> Check:
    """The same check, with an example."""
    if wrong is None:
        return one
    return msgspec.structs.replace(one, reason=f"{one.reason}: of golden row {wrong.row} {wrong.says}")
