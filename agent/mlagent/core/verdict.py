"""Every judgement is one type: pass, fail, inconclusive or invalid, with its thresholds, values and sample sizes.

No data is not a pass: a missing or NaN value, or fewer samples than asked for, is inconclusive. What was measured by a
meter that was not fit to measure is invalid: neither good nor bad, however it looks.
Verdicts are plain data, equal ones have equal canonical JSON, so they can be signed.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from mlagent.core.digest import Digest
from mlagent.errors import GateRefused, Inconclusive, Invalid, MlagentError

Outcome = Literal["pass", "fail", "inconclusive", "invalid"]
Severity = Literal["fail", "warn"]
Comparison = Literal[">=", "<="]
GOOD = frozenset({"pass", "warn", "waived"})
WORST_FIRST = ("fail", "invalid", "inconclusive", "waived", "warn", "pass")  # outcomes of checks
_KINDS: Mapping[str, type[MlagentError]] = {"fail": GateRefused, "invalid": Invalid}


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """Who lets a check go for which reason, until the end of which day (UTC)."""

    owner: str
    reason: str
    expires: date


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value against one threshold; `value` is None where nothing could be measured.

    A check that only warns has the outcome `warn` where another would fail or be inconclusive; one that somebody
    answers for, `waived`, with its waiver.
    """

    metric: str
    value: float | None
    comparison: Comparison
    threshold: float
    unit: str = ""
    samples: int
    samples_min: int = 1
    interval: tuple[float, float] | None = None
    outcome: Outcome | Literal["warn", "waived"]
    reason: str
    waiver: Waiver | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged, on what evidence, how long it holds (`valid_until`: RFC 3339, None for always).

    `notes` say what was not judged, and why.
    """

    subject: str
    outcome: Outcome
    checks: tuple[Check, ...]
    inputs: Mapping[str, Digest]
    tools: Mapping[str, str]
    valid_until: str | None = None
    notes: tuple[str, ...] = ()

    def raise_unless_pass(self, hint: str) -> None:
        """Raise GateRefused (10), Invalid or Inconclusive (both 11), naming every check that did not pass."""
        if self.outcome == "pass":
            return
        said = "; ".join(check.reason for check in self.checks if check.outcome not in GOOD)
        said = said or "nothing was checked, and no data is not a pass"
        word = " is invalid" if self.outcome == "invalid" else ""
        raise _KINDS.get(self.outcome, Inconclusive)(f"{self.subject}{word}: {said}", hint=hint)


def check(
    metric: str,
    value: float | None,
    comparison: Comparison,
    threshold: float,
    *,
    samples: int,
    samples_min: int = 1,
    unit: str = "",
    interval: tuple[float, float] | None = None,
    severity: Severity = "fail",
    why: str = "",
) -> Check:
    """Compare `value` with `threshold` (same `unit`) on `samples` observations and say it in a sentence.

    `why` tells why there is no value, where there is none. Whole numbers are kept as floats: else a verdict that was
    written and read would have another digest.
    """
    measured = None if value is None or not math.isfinite(value) else float(value)
    measured = None if why else measured
    seen = f"{interval[0]:.4g} to {interval[1]:.4g}; {samples} samples" if interval else f"{samples} samples"
    note = why or ("NaN or missing" if measured is None else seen)
    outcome, reason = _judge(metric, measured, comparison, threshold, samples, samples_min, unit, note)
    return Check(
        metric=metric,
        value=measured,
        comparison=comparison,
        threshold=float(threshold),
        unit=unit,
        samples=samples,
        samples_min=samples_min,
        interval=(float(interval[0]), float(interval[1])) if interval else None,
        outcome="warn" if severity == "warn" and outcome != "pass" else outcome,
        reason=reason,
    )


def _judge(
    metric: str,
    value: float | None,
    comparison: Comparison,
    threshold: float,
    samples: int,
    least: int,
    unit: str,
    note: str,
) -> tuple[Outcome, str]:
    if samples < least:
        return "inconclusive", f"{metric}: {samples} samples are too few, {least} are asked for"
    if value is None:
        return "inconclusive", f"{metric} could not be measured ({note})"
    good = value >= threshold if comparison == ">=" else value <= threshold
    word = {(">=", True): "is at least", (">=", False): "is below", ("<=", True): "is at most"}.get(
        (comparison, good), "is above"
    )
    shown, limit = spell(value, threshold, unit)
    return ("pass" if good else "fail"), f"{metric} {shown} {word} {limit} ({note})"


def spell(value: float, threshold: float, unit: str) -> tuple[str, str]:
    """Spell both numbers for people: four significant digits, more where unequal numbers would look equal."""
    value, threshold = value + 0.0, threshold + 0.0  # no -0
    for digits in range(4, 18):
        shown, limit = f"{value:.{digits}g}", f"{threshold:.{digits}g}"
        if value == threshold or shown != limit:
            break
    return f"{shown} {unit}".rstrip(), f"{limit} {unit}".rstrip()


def verdict(
    subject: str,
    checks: Sequence[Check],
    *,
    inputs: Mapping[str, Digest],
    tools: Mapping[str, str],
    valid_until: str | None = None,
    notes: Sequence[str] = (),
) -> Verdict:
    """Sum checks up: one fail fails; else one invalid makes it invalid; else one open, or none at all, inconclusive."""
    outcomes = {one.outcome for one in checks}
    worst: Sequence[Outcome] = [one for one in ("fail", "invalid") if one in outcomes]
    good = bool(outcomes) and outcomes <= GOOD
    outcome: Outcome = worst[0] if worst else "pass" if good else "inconclusive"
    return Verdict(
        subject=subject,
        outcome=outcome,
        checks=tuple(checks),
        inputs=inputs,
        tools=tools,
        valid_until=valid_until,
        notes=tuple(notes),
    )
