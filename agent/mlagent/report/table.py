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
    **dict.fromkeys(("fail", "failed", "refused", "missing", "undone"), "red"),
    **dict.fromkeys(("inconclusive", "invalid", "held", "stopped", "running", "skipped", "warn", "waived"), "yellow"),
}


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, colour: int | None = None, wrapped: int | None = None
) -> str:
    """Columns as wide as their widest cell; `wrapped` (the last one) goes on below itself to fit the terminal.

    Where there is no terminal it is WIDE. `colour` is the column whose word decides its colour. Mask secrets before: a
    wrapped one is not found any more.
    """
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    long = len(head) - 1 if wrapped is None else wrapped
    others = sum(widths) - widths[long] + 2 * (len(head) - 1)
    widths[long] = min(widths[long], max(NARROW, shutil.get_terminal_size((WIDE, 0)).columns - others))
    before = sum(widths[:long]) + 2 * long
    lines = []
    for number, row in enumerate(cells):
        first, *more = textwrap.wrap(row[long], widths[long]) or [""]
        cells_now = [*row[:long], first, *row[long + 1 :]]
        padded = [*(cell.ljust(width) for cell, width in zip(cells_now[:-1], widths[:-1], strict=True)), cells_now[-1]]
        if colour is not None and number:
            padded[colour] = click.style(padded[colour], fg=COLOURS.get(row[colour]))
        lines.append("  ".join(padded).rstrip())
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
    return table(head, rows, colour=5, wrapped=1)
