"""What a person reads before they decide: plain text, a line a matter, of bounded length.

Where it is read, and what that asks for (agent/docs/approvals.md): Jenkins' own input page and Pipeline Graph View put
all lines into one, Blue Ocean cuts out what stands between `<` and `>`, the dialog of Pipeline Graph View has it as a
header of HTTP. Whoever names a field in the cluster must not decide what is read of the rest.
"""

from collections.abc import Iterator, Mapping

import msgspec

from mlagent.core.digest import Digest, short
from mlagent.core.release import Release
from mlagent.measure.headlines import HEADLINES, spoken
from mlagent.plot.words import number
from mlagent.trust.approval.words import counted, joined, link, moment, plain, quoted
from mlagent.trust.measured import PRODUCTION, Evaluation, Interval

LONGEST = 4200  # characters in all; the servers that Jenkins runs in take 8192 bytes of headers in an answer
BREAK = "\n* "  # where lines are put into one, the star still holds them apart
LINE, LONG_LINE = 240, 480
FIGURES, CHANGES, WARNINGS, PEOPLE, VERDICTS = 4, 3, 3, 8, 12  # that are shown


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when it is asked.

    `instead` is what serves there now, `diff` the cluster's as a unified diff, None where there is no cluster to look
    at; `verdicts` are subject and outcome. `responsible` says of each person whose own work this is why it is (`author
    of 1a2b3c`), `earlier` who approved it already, `override` who may approve against a rule. `expires` is RFC 3339.
    """

    release: Release
    environment: str
    evidence: Digest
    expires: str
    approvers: tuple[str, ...]
    number: int = 1
    count: int = 1
    instead: Release | None = None
    evaluation: Evaluation | None = None
    verdicts: tuple[tuple[str, str], ...] = ()
    diff: str | None = None
    report: str = ""
    responsible: Mapping[str, str] = {}
    earlier: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def message(told: Told) -> str:
    """The text: its first line is the question, and each other begins with what it is about."""
    return BREAK.join(_lines(told))


def _lines(told: Told) -> Iterator[str]:
    release = told.release
    yield f"Approve {plain(release.model)} version {plain(release.called, 20)} for {plain(told.environment, 30)}?"
    yield from (f"WARNING: {_whole(one)}" for one in told.warnings[:WARNINGS])
    yield f"Release: {_release(release, told.instead)}"
    yield f"Metrics: {_metrics(told.evaluation)}"
    yield f"Verdicts: {_verdicts(told.verdicts)}"
    yield f"Evidence: {_whole(told.evidence)}"
    yield f"May answer {_approvers(told)}"
    yield f"Answers for the change: {_responsible(told.responsible)}"
    yield f"Cluster: {_cluster(told.diff)}"
    if told.report:
        yield f"Report: {link(told.report)}"


def _whole(text: str, most: int = LINE) -> str:
    """A sentence that ends, so that the next may follow on the same line."""
    return plain(text, most).removesuffix(".") + "."


def _release(release: Release, now: Release | None) -> str:
    instead = f", instead of version {plain(now.called, 20)} ({short(now.digest)})" if now else ""
    return _whole(release.digest + instead)


def _metrics(found: Evaluation | None) -> str:
    if found is None or not found.models:
        return "none were measured."
    ships, production = found.ships.metrics, found.others.get(PRODUCTION)
    first = [one for task, names in HEADLINES.items() if task == found.task for one in names if one in ships]
    names = [*first, *(one for one in ships if one not in first)][:FIGURES]
    said = "; ".join(_figure(name, ships[name], production) for name in names)
    beside = "" if production is not None else "; there is none in production to compare with"
    return _whole(f"{said} ({counted(found.rows, 'row')}, {100 * found.level:g} % intervals){beside}", LONG_LINE)


def _figure(name: str, ours: Interval, production: Mapping[str, Interval] | None) -> str:
    beside = f", production {_spelled(production.get(name, Interval()))}" if production is not None else ""
    return f"{plain(spoken(name), 40)} {_spelled(ours)}{beside}"


def _spelled(one: Interval) -> str:
    if one.value is None:
        return "not measured"
    known = one.low is not None and one.high is not None
    return number(one.value) + (f" [{number(one.low)} to {number(one.high)}]" if known else "")


def _verdicts(found: tuple[tuple[str, str], ...]) -> str:
    """Those that are no plain pass come first."""
    ordered = sorted(found, key=lambda one: one[1] == "pass")
    return _whole(joined((f"{subject} {outcome}" for subject, outcome in ordered), VERDICTS) or "none", LONG_LINE)


def _approvers(told: Told) -> str:
    free = [one for one in told.approvers if one not in told.responsible and one not in told.earlier]
    earlier = f" after {joined(told.earlier, PEOPLE)}" if told.earlier else ""
    of = f" (approval {told.number} of {told.count}{earlier})" if told.count > 1 else ""
    who = joined(free, PEOPLE) or "nobody who has no part in it"
    rule = f"; against a rule, saying why in the comment: {joined(told.override, PEOPLE)}" if told.override else ""
    return _whole(f"until {moment(told.expires)}{of}: {who}{rule}", LONG_LINE)


def _responsible(people: Mapping[str, str]) -> str:
    return _whole(joined((f"{who} ({why})" for who, why in sorted(people.items())), PEOPLE) or "nobody", LONG_LINE)


def _cluster(diff: str | None) -> str:
    """How many lines of its objects change, and the first of them, in quotes: they are others' words."""
    if diff is None:
        return "none is set."
    lines = [one for one in diff.splitlines() if one.startswith(("+", "-")) and not one.startswith(("+++", "---"))]
    if not lines:
        return "nothing changes there."
    shown = ", ".join(quoted(one) for one in lines[:CHANGES])
    more = f" and {len(lines) - CHANGES} more" if len(lines) > CHANGES else ""
    return f"{counted(len(lines), 'line')} of its objects change, {shown}{more}."
