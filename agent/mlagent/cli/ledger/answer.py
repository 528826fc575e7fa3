"""What `ledger at` answers, line by line."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlagent.cli.ledger.times import between, shown
from mlagent.cli.ledger.words import listed, release, said
from mlagent.core.ports.ledger import Entry, What

if TYPE_CHECKING:
    from mlagent.ledger.history import At


def lines(found: "At", time: str, after: Entry | None) -> Iterator[tuple[str, str]]:
    """Name and words of each; what nobody wrote down is said as that."""
    fact = found.entry.fact
    yield "release", fact.release
    yield "made by", _origin(found)
    yield "since", f"{_when(found.entry)}, {between(fact.time, time)} before"
    yield "until", f"{_when(after)}: {_came(after)}" if after else "no later move is written down"
    yield "moved by", fact.who
    yield "why", _why(found.entry)
    yield "replaced", _replaced(found.replaced, fact.release)
    yield "verdicts", _verdicts(_of(found.evidence, "verdict"))
    yield "approvals", _who(_of(found.evidence, "approved"))
    yield "waivers", _many(_of(found.evidence, "waived"))
    yield "overridden", _many(_of(found.evidence, "overridden"))
    for name in ("record", "policy", "onnx"):
        if fact.details.get(name):
            yield name, fact.details[name]


def _of(evidence: Sequence[Entry], what: What) -> list[Entry]:
    return [one for one in evidence if one.fact.what == what]


def _when(entry: Entry) -> str:
    return f"{shown(entry.fact.time)} UTC (entry {entry.number})"


def _came(entry: Entry) -> str:
    return f"{release(entry.fact)} was {'promoted' if entry.fact.what == 'promoted' else 'gone back to'}"


def _origin(found: "At") -> str:
    fact, ended = found.entry.fact, _of(found.evidence, "run-finished")
    commit = ended[-1].fact.details.get("commit", "") if ended else ""
    parts = [f"build {fact.build}" if fact.build else "", f"run {fact.run}" if fact.run else ""]
    return ", ".join(one for one in (*parts, f"commit {commit}" if commit else "") if one) or "the entry does not say"


def _why(entry: Entry) -> str:
    fact = entry.fact
    reason, before = fact.details.get("reason", ""), fact.details.get("from_version", "")
    if fact.what == "promoted":
        return f"promoted{f': {reason}' if reason else '; nobody wrote a reason'}"
    return f"rolled back{f' from version {before}' if before else ''}{f': {reason}' if reason else ''}"


def _replaced(before: Entry | None, now: str) -> str:
    if before is None:
        return "nothing: it was the first"
    again = " (the same release)" if before.fact.release == now else ""
    return f"{release(before.fact)}{again}, there since {_when(before)}"


def _verdicts(found: Sequence[Entry]) -> str:
    """The newest of each subject."""
    newest = {one.fact.details.get("subject", "?"): one for one in found}
    told = (f"{subject} {one.fact.details.get('outcome', '?')}" for subject, one in newest.items())
    return ", ".join(told) or "none is written down"


def _who(found: Sequence[Entry]) -> str:
    return listed(f"{one.fact.who} (entry {one.number})" for one in found) if found else "none is written down"


def _many(found: Sequence[Entry]) -> str:
    return "; ".join(f"{said(one.fact)} (entry {one.number})" for one in found) or "none"
