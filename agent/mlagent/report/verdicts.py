"""Every judgement with its evidence: what an auditor reads line by line."""

from collections.abc import Sequence

from mlagent.core.verdict import WORST_FIRST, Check, Verdict
from mlagent.plot.words import number, text
from mlagent.report.html import absent, code, details, said, section, table, word
from mlagent.report.run import Run

MOST = 1000  # checks of a verdict that are shown; those that did not pass always are
OPEN = 40  # rows that a table has before it is folded
HEAD = ("check", "value", "must be", "interval", "samples", "outcome", "reason")


def verdicts(run: Run) -> str:
    """A table a verdict, worst first; stages without one are named."""
    judged = [(stage.name, verdict) for stage in run.stages for verdict in stage.verdicts]
    if not judged:
        return section("verdicts", "Verdicts", absent("Nothing has been judged yet."))
    return section("verdicts", "Verdicts", *(_verdict(stage, verdict) for stage, verdict in judged))


def _verdict(stage: str, verdict: Verdict) -> str:
    called = stage if verdict.subject in (stage, stage.removeprefix("validate-")) else f"{stage}: {verdict.subject}"
    notes = [*verdict.notes, *([f"It holds until {verdict.valid_until}."] if verdict.valid_until else [])]
    ordered = sorted(verdict.checks, key=lambda one: WORST_FIRST.index(one.outcome))
    broken = sum(one.outcome != "pass" for one in ordered)
    shown = ordered[: max(MOST, broken)]
    left = len(ordered) - len(shown)
    rest = said(f"{left:,} more checks passed; they stand in verdict-{verdict.subject}.json.") if left else ""
    return (
        f"<h3>{text(called)} {word(verdict.outcome)}</h3>" + "".join(map(said, notes)) + _tables(called, shown) + rest
    )


def _tables(called: str, checks: Sequence[Check]) -> str:
    """Those that did not pass stand open; many that passed are folded."""
    if not checks:
        return absent("It holds no check, and no data is not a pass.")
    passed = [one for one in checks if one.outcome == "pass"]
    if len(passed) <= OPEN:
        return _table(f"Checks of {called}", checks)
    others = [one for one in checks if one.outcome != "pass"]
    open_ = _table(f"Checks of {called} that did not pass", others) if others else ""
    folded = details(f"{len(passed):,} checks that passed", _table(f"Checks of {called} that passed", passed))
    return open_ + folded


def _table(caption: str, checks: Sequence[Check]) -> str:
    rows = [_row(one) for one in checks]
    told = any(row[-1] for row in rows)
    shown = rows if told else [row[:-1] for row in rows]
    return table(caption, HEAD if told else HEAD[:-1], shown, numbers=(1, 2, 3, 4), wide=6 if told else 0)


def _row(one: Check) -> tuple[str, ...]:
    ends = f"{number(one.interval[0])} to {number(one.interval[1])}" if one.interval else ""
    least = f" (at least {one.samples_min:,})" if one.samples < one.samples_min else ""
    sign = "≥" if one.comparison == ">=" else "≤"
    limit = text(f"{sign} {number(one.threshold)} {one.unit}".rstrip())
    value = text(f"{number(one.value)} {one.unit}".rstrip())
    return (text(one.metric), value, limit, ends, f"{one.samples:,}{least}", word(one.outcome), _reason(one))


def _reason(one: Check) -> str:
    """Why it is not a plain pass, and who answers for it."""
    if one.waiver:
        told = f"{one.waiver.reason}, until {one.waiver.expires}"
        return f"{text(one.reason)}<br>Waived by {code(one.waiver.owner)}: {text(told)}"
    return text(one.reason) if one.outcome != "pass" else ""
