"""The smallest JUnit file that Jenkins reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

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
