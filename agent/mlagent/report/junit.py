"""The smallest JUnit file that Jenkins reads."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from mlagent.core.verdict import GOOD, Verdict

_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 65534, 65535], "�")


class Case(NamedTuple):
    """One test case; `failure` is its output, None when it passed."""

    name: str
    failure: str | None


def write(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write one suite; characters that XML cannot hold become U+FFFD."""
    failures = sum(case.failure is not None for case in cases)
    lines = [f'<testsuite name={quoteattr(suite)} tests="{len(cases)}" failures="{failures}">']
    for case in cases:
        start = f"<testcase classname={quoteattr(suite)} name={quoteattr(case.name)}"
        text = escape((case.failure or "").translate(_FORBIDDEN))
        lines.append(f"{start}/>" if case.failure is None else f"{start}><failure>{text}</failure></testcase>")
    path.write_text("\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines, "</testsuite>", ""]), encoding="utf-8")


def write_verdict(path: Path, stage: str, verdict: Verdict, mask: Callable[[str], str]) -> None:
    """Write a verdict as a suite, a case a check; what a waiver or a warning let pass has passed."""
    cases = [Case(one.metric, None if one.outcome in GOOD else mask(one.reason)) for one in verdict.checks]
    write(path, f"{stage}.{verdict.subject}", cases)
