"""Figures as dots with their intervals as whiskers, one below the other, so that they can be compared."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mlagent.plot.axes import WIDTH, Axis, Scale, ticks
from mlagent.plot.lines import Rule
from mlagent.plot.svg import LETTER, dot, label, line, svg
from mlagent.plot.words import short

NAMES, TOLD, ROW = 140, 56, 22


class Figure(NamedTuple):
    """A figure and the ends of its interval, NaN where not known."""

    name: str
    value: float
    low: float
    high: float


def whiskers(title: str, figures: Sequence[Figure], x: Axis, rule: Rule | None = None) -> str:
    """A row a figure; one that is not a number is said to be unknown."""
    across, floor = Scale(x, NAMES, WIDTH - TOLD), len(figures) * ROW + 14
    parts = []
    for one in ticks(x):
        at = across.at(one)
        parts.append(line(at, 10, at, floor, "grid") + label(at, floor + 14, x.spell(one), "middle"))
    parts += [_row(one, across, at * ROW + 24) for at, one in enumerate(figures)]
    if rule and math.isfinite(rule.value):
        at = across.at(rule.value)
        parts.append(line(at, 10, at, floor, "rule") + label(at, 8, rule.words, "middle"))
    parts.append(line(across.start, floor, across.end, floor, "axis"))
    parts.append(label(across.end, floor + 29, x.label, "end"))
    return svg(title, WIDTH, floor + 34, "".join(parts))


def _row(one: Figure, across: Scale, y: float) -> str:
    spell = across.axis.spell
    name = label(NAMES - 8, y + 4, short(one.name, int((NAMES - 8) / LETTER)), "end")
    if not math.isfinite(one.value):
        return name + label(across.start + 4, y + 4, "not known")
    known = math.isfinite(one.low + one.high)
    told = f"{one.name}: {spell(one.value)}" + (f" ({spell(one.low)} to {spell(one.high)})" if known else "")
    drawn = ""
    if known:
        low, high = across.at(one.low), across.at(one.high)
        drawn = line(low, y, high, y, "axis", 1.5) + "".join(
            line(at, y - 4, at, y + 4, "axis", 1.5) for at in (low, high)
        )
    return name + drawn + dot(across.at(one.value), y, told, 4) + label(WIDTH - TOLD + 8, y + 4, spell(one.value))
