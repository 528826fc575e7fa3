"""Tables for a terminal: what ran, and what was judged."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence

import click

from mlagent.core.verdict import Verdict

MANY = 8
WIDE, NARROW = 140, 40
COLOURS = {
    **dict.fromkeys(("pass", "done", "found"), "green"),
    **dict.fromkeys(("fail", "failed", "refused", "missing"), "red"),
    **dict.fromkeys(("inconclusive", "stopped", "running", "warn", "waived"), "yellow"),
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, colour: int | None = None) -> str:
    """Columns as wide as their widest cell, the last one wrapped to the terminal (WIDE where there is none).

    `colour` is the column whose word decides its colour. Mask secrets before: a wrapped one is not found any more.
    """
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    before = sum(widths[:-1]) + 2 * (len(head) - 1)
    widths[-1] = min(widths[-1], max(NARROW, shutil.get_terminal_size((WIDE, 0)).columns - before))
    lines = []
    for number, row in enumerate(cells):
        first, *more = textwrap.wrap(row[-1], widths[-1]) or [""]
        padded = [*(cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)), first]
        if colour is not None and number:
            padded[colour] = click.style(padded[colour], fg=COLOURS.get(row[colour]))
        lines.append("  ".join(padded))
        lines += [" " * before + one for one in more]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def verdicts(judged: Sequence[tuple[str, Verdict]]) -> str:
    """A row for every check of every verdict, in the order of the stages (stage name, verdict).

    Of a verdict with more than MANY checks those that passed share one row.
    """
    head = ("stage", "check", "value", "threshold", "samples", "verdict")
    rows = []
    for stage, verdict in judged:
        shown = [one for one in verdict.checks if len(verdict.checks) <= MANY or one.outcome != "pass"]
        if len(shown) < len(verdict.checks):
            others = f"{len(verdict.checks) - len(shown)} {'other ' if shown else ''}checks"
            rows.append((stage, others, "", "", "", "pass"))
        for check in shown:
            value = "-" if check.value is None else f"{check.value:.4g} {check.unit}".rstrip()
            limit = f"{check.comparison} {check.threshold:.4g} {check.unit}".rstrip()
            rows.append((stage, check.metric, value, limit, str(check.samples), check.outcome))
    return table(head, rows, colour=5)
