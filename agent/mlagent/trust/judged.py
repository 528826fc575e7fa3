"""The verdicts of a release against the policy: there, passed, of this build, and not too old."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from mlagent.core.digest import Digest
from mlagent.core.verdict import GOOD, Verdict
from mlagent.trust import verdicts
from mlagent.trust.evidence import Evidence, Finding
from mlagent.trust.policy import Asked, Policy
from mlagent.trust.verdicts import Judged

SKEW = timedelta(minutes=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def judge(evidence: Evidence, policy: Policy, made: Mapping[str, Digest], now: datetime) -> Iterator[Finding]:
    """A row for the attestation, for each verdict that is asked for, and for each other that is no pass."""
    found, faults = evidence.said(verdicts.TYPE, verdicts.parse)
    newest = _newest(found)
    asked = ", ".join(policy.verdicts) or "not required"
    if found:
        yield Finding(what="verdicts", asked=asked, found=", ".join(newest) or "none", outcome="pass")
    else:
        words, outcome = evidence.absent(verdicts.TYPE, faults)
        lenient = not policy.verdicts and outcome == "missing"
        yield Finding(what="verdicts", asked=asked, found=words, outcome="pass" if lenient else outcome)
    for subject, limit in policy.verdicts.items():
        yield _row(subject, newest.get(subject), limit, made, now)
    for subject, one in newest.items():
        if subject not in policy.verdicts and (wrong := _outcome(one.verdict)):
            yield Finding(what=_called(subject), asked="pass, where it is there", found=wrong, outcome="refused")


def _newest(found: list[verdicts.Verdicts]) -> dict[str, Judged]:
    """The latest of each subject; of two at the same time the worse."""
    newest: dict[str, Judged] = {}
    for one in sorted(
        (one for said in found for one in said.verdicts),
        key=lambda one: (_time(one.ended) or EPOCH, one.verdict.outcome != "pass"),
    ):
        newest[one.verdict.subject] = one
    return newest


def _called(subject: str) -> str:
    return f"verdict {subject}"


def _row(subject: str, one: Judged | None, limit: Asked, made: Mapping[str, Digest], now: datetime) -> Finding:
    what, asked = _called(subject), f"pass, at most {limit.max_age_days:g} days old"
    if one is None:
        return Finding(what=what, asked=asked, found="none", outcome="missing")
    wrong = [one for one in (_outcome(one.verdict), _about(one.verdict, made), *_age(one, limit, now)) if one]
    found = "; ".join(wrong) or f"pass, of {one.ended[:10]}"
    return Finding(what=what, asked=asked, found=found, outcome="refused" if wrong else "pass")


def _outcome(verdict: Verdict) -> str:
    """Why it is no pass: by its word, and by its checks."""
    bad = [one for one in verdict.checks if one.outcome not in GOOD]
    if verdict.outcome == "pass" and verdict.checks and not bad:
        return ""
    said = "; ".join(one.reason for one in bad) or ("nothing was checked" if not verdict.checks else "")
    word = verdict.outcome if verdict.outcome != "pass" else "pass, though"
    return f"{word}: {said}" if said else word


def _about(verdict: Verdict, made: Mapping[str, Digest]) -> str:
    """What it looked at and the build did not make."""
    other = [name for name, one in verdict.inputs.items() if made.get(name, one) != one]
    return f"it judged another {' and '.join(sorted(other))} than the build made" if other else ""


def _age(one: Judged, limit: Asked, now: datetime) -> Iterator[str]:
    ended, until = _time(one.ended), one.verdict.valid_until
    if ended is None:
        yield f"judged at no time that can be read ({one.ended[:40]!r})"
    elif ended > now + SKEW:
        yield f"judged in the future, {one.ended}"
    elif now - ended > timedelta(days=limit.max_age_days):
        yield f"too old: {(now - ended) / timedelta(days=1):.1f} days"
    if until is not None and not limit.accept_expired:
        end = _time(until)
        if end is None or end < now:
            yield f"it held until {until[:40]}"


def _time(text: str) -> datetime | None:
    """RFC 3339; a time without its offset is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
