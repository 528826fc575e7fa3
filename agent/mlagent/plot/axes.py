"""From numbers to places: scales, ticks at round numbers, and the frame around a plot."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mlagent.plot.svg import FONT, LETTER, STROKES, label, line
from mlagent.plot.words import number, short

WIDTH, HEIGHT = 380, 190  # of all plots with a frame: as wide as a telephone shows
LEFT, RIGHT, FOOT = 46, 10, 34
LEGEND = 16


class Axis(NamedTuple):
    """What is measured, in which unit, and from where to where; `log` for what spans decades."""

    label: str
    low: float
    high: float
    log: bool = False
    whole: bool = False
    spell: Callable[[float], str] = number


class Scale(NamedTuple):
    """An axis with its two ends on the drawing."""

    axis: Axis
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value; what lies outside stands at the end."""
        low, high, value = self.axis.low, self.axis.high, min(max(value, self.axis.low), self.axis.high)
        if self.axis.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        part = (value / 2 - low / 2) / (high / 2 - low / 2)  # the whole may be more than a float holds
        return self.start + part * (self.end - self.start)


def reach(values: Iterable[float], *more: float, log: bool = False) -> tuple[float, float]:
    """From the least to the greatest finite number, a little wider, also around a single one; 0 to 1 without any."""
    known = [one for one in (*values, *more) if math.isfinite(one) and (one > 0 or not log)]
    if not known:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(known), max(known)
    if log:
        return low / 1.1, high * 1.1
    pad = (high / 2 - low / 2) * 0.08 or abs(high) * 0.1 or 1.0
    return max(low - pad, -1e308), min(high + pad, 1e308)


def ticks(axis: Axis, most: int = 5) -> list[float]:
    """At most so many round numbers within an axis."""
    if axis.log:
        first, last = math.ceil(math.log10(axis.low)), math.floor(math.log10(axis.high))
        tens = [part * 10.0**power for power in range(first - 1, last + 1) for part in (1, 2, 5)]
        within = [one for one in tens if axis.low <= one <= axis.high]
        decades = [10.0**power for power in range(first, last + 1)]
        thin = decades[:: max(1, math.ceil(len(decades) / most))]
        return within if len(within) <= most else thin
    rough = (axis.high / most - axis.low / most) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    step = max(1.0, math.ceil(step)) if axis.whole else step
    first = math.ceil(axis.low / step - 1e-9)
    found = dict.fromkeys(round((first + count) * step, 12) for count in range(most + 2))
    return [one for one in found if axis.low <= one <= axis.high + step * 1e-9]


def frame(x: Scale, y: Scale) -> str:
    """Grid lines, the numbers at them, and what both axes measure (y's above it, so that it reads upright)."""
    parts = []
    for one in ticks(y.axis):
        at = y.at(one)
        parts.append(line(x.start, at, x.end, at, "grid") + label(x.start - 5, at + 4, y.axis.spell(one), "end"))
    parts += [_below(x.at(one), y.start + 15, x.axis.spell(one)) for one in ticks(x.axis)]
    parts.append(line(x.start, y.start, x.end, y.start, "axis"))
    parts.append(label(x.end, y.start + 30, x.axis.label, "end") + label(0, y.end - 10, y.axis.label))
    return "".join(parts)


def _below(at: float, y: float, words: str) -> str:
    """The number at a tick, kept within the drawing."""
    inside = at + len(words) * LETTER / 2 < WIDTH
    return label(at, y, words, "middle") if inside else label(WIDTH, y, words, "end")


def legend(names: Sequence[tuple[str, str]], width: float = WIDTH) -> tuple[str, float]:
    """A sample of each stroke with its name, in as many lines as it takes; and how high that is."""
    parts, x, y = [], 0.0, 10.0
    for stroke, name in names:
        shown = short(name, 36)
        wide = 30 + len(shown) * LETTER + 14
        if x and x + wide > width:
            x, y = 0.0, y + LEGEND
        sample = f'<path d="M{x:.0f} {y - 4:.0f}h22" fill="none" {STROKES[stroke]} stroke-width="2"></path>'
        parts.append(sample + label(x + 27, y, shown))
        x += wide
    return "".join(parts), y + LEGEND - FONT + 4 if names else 0.0


def place(
    x: Axis, y: Axis, head: float = 0.0, height: float = HEIGHT, left: float = LEFT
) -> tuple[Scale, Scale, float]:
    """Both scales below a head of that height, and the height of the whole drawing."""
    top = head + 24
    return Scale(x, left, WIDTH - RIGHT), Scale(y, top + height - FOOT - 24, top), top + height - 24
