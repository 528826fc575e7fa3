"""Curves: told apart by their strokes, with points and limits marked."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mlagent.plot.axes import Axis, Scale, frame, legend, place
from mlagent.plot.svg import STROKES, dot, label, line, svg
from mlagent.plot.words import text

FEW = 40  # points that are drawn one by one
TIED = ("accent", "second", "third")


class Curve(NamedTuple):
    """Points in order; what is not a number breaks the line."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


class Mark(NamedTuple):
    """A point of note."""

    x: float
    y: float
    words: str


class Rule(NamedTuple):
    """A limit across the plot: on the axis `x` or `y`."""

    axis: str
    value: float
    words: str


def lines(
    title: str,
    curves: Sequence[Curve],
    x: Axis,
    y: Axis,
    *,
    marks: Sequence[Mark] = (),
    rules: Sequence[Rule] = (),
    diagonal: str = "",
) -> str:
    """At most three curves; `diagonal` names the line of equal x and y, where one is wanted."""
    named = [(TIED[at], one.name) for at, one in enumerate(curves)] if len(curves) > 1 else []
    head, high = legend(named)
    across, up, height = place(x, y, high)
    parts = [head, frame(across, up)]
    if diagonal:
        low, top = max(x.low, y.low), min(x.high, y.high)
        part = low + 0.72 * (top - low)
        parts.append(line(across.at(low), up.at(low), across.at(top), up.at(top), "third"))
        parts.append(label(across.at(part) + 6, up.at(part) + 14, diagonal))
    parts += [ruled(one, across, up) for one in rules]
    parts += [_drawn(one, across, up, TIED[at]) for at, one in enumerate(curves)]
    parts += [_marked(one, across, up) for one in marks if math.isfinite(one.x + one.y)]
    return svg(title, across.end + 10, height, "".join(parts))


def ruled(rule: Rule, across: Scale, up: Scale) -> str:
    """A limit with its words; none where it is not a number."""
    if not math.isfinite(rule.value):
        return ""
    if rule.axis == "x":
        at = across.at(rule.value)
        side = ("end", -4) if at > (across.start + across.end) / 2 else ("start", 4)
        return line(at, up.start, at, up.end, "rule") + label(at + side[1], up.end + 9, rule.words, side[0])
    at = up.at(rule.value)
    below = 13 if at < up.end + 14 else -4
    return line(across.start, at, across.end, at, "rule") + label(across.end, at + below, rule.words, "end")


def _drawn(curve: Curve, across: Scale, up: Scale, stroke: str) -> str:
    parts, path, alone = [], [], True
    for x, y in zip(curve.x, curve.y, strict=True):
        if not math.isfinite(x + y):
            alone = True
            continue
        path.append(f"{'M' if alone else 'L'}{across.at(x):.1f} {up.at(y):.1f}")
        alone = False
        if len(curve.x) <= FEW:
            told = f"{curve.name}: {across.axis.spell(x)}, {up.axis.spell(y)}"
            parts.append(dot(across.at(x), up.at(y), told, 2.5, "accent" if stroke == "accent" else "dark"))
    told = f"<title>{text(curve.name)}</title>"
    drawn = f'<path d="{"".join(path)}" fill="none" {STROKES[stroke]} stroke-width="1.8">{told}</path>'
    return (drawn if path else "") + "".join(parts)


def _marked(mark: Mark, across: Scale, up: Scale) -> str:
    x, y = across.at(mark.x), up.at(mark.y)
    anchor, shift = ("end", -8) if x > (across.start + across.end) / 2 else ("start", 8)
    below = 14 if up.start - y > 22 else -8
    return dot(x, y, mark.words, 4.5, "dark") + label(x + shift, y + below, mark.words, anchor)
