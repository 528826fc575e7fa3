"""What ran when: a bar a row on one axis of time."""

from collections.abc import Sequence
from typing import NamedTuple

from mlagent.plot.axes import WIDTH, Axis, Scale, ticks
from mlagent.plot.svg import LETTER, label, line, rect, svg
from mlagent.plot.words import short

NAMES, TOLD, ROW = 96, 52, 20


class Span(NamedTuple):
    """From `start` on, for `length`; `words` are told beside it."""

    name: str
    start: float
    length: float
    words: str


def spans(title: str, rows: Sequence[Span], axis: Axis) -> str:
    """A row a span, its words behind it."""
    across, floor = Scale(axis, NAMES, WIDTH - TOLD), len(rows) * ROW + 4
    parts = []
    for one in ticks(axis):
        at = across.at(one)
        parts.append(line(at, 0, at, floor, "grid") + label(at, floor + 14, axis.spell(one), "middle"))
    parts += [_row(one, across, at * ROW + 4) for at, one in enumerate(rows)]
    parts.append(
        line(across.start, floor, across.end, floor, "axis") + label(across.end, floor + 29, axis.label, "end")
    )
    return svg(title, WIDTH, floor + 34, "".join(parts))


def _row(one: Span, across: Scale, y: float) -> str:
    left, right = across.at(one.start), across.at(one.start + one.length)
    name = label(NAMES - 8, y + 11, short(one.name, int((NAMES - 8) / LETTER)), "end")
    bar = rect(left, y, max(1.5, right - left), ROW - 7, "accent", f"{one.name}: {one.words}")
    return name + bar + label(max(right, left + 1.5) + 5, y + 11, one.words)
