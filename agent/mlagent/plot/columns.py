"""Bars between two numbers each, as high as a third: histograms whose bins are not of one width."""

from collections.abc import Sequence
from typing import NamedTuple

from mlagent.plot.axes import Axis, frame, place
from mlagent.plot.lines import Rule, ruled
from mlagent.plot.svg import rect, svg


class Bar(NamedTuple):
    """From `low` to `high` on the axis; a `soft` one is open to its outer side."""

    low: float
    high: float
    height: float
    words: str
    soft: bool = False


def columns(title: str, bars: Sequence[Bar], x: Axis, y: Axis, rules: Sequence[Rule] = ()) -> str:
    """Bars side by side, and limits."""
    across, up, height = place(x, y)
    drawn = []
    for one in bars:
        left, right, top = across.at(one.low), across.at(one.high), up.at(one.height)
        fill = "soft" if one.soft else "accent"
        drawn.append(rect(left, top, max(0.6, right - left - 0.7), up.start - top, fill, one.words))
    limits = "".join(ruled(one, across, up) for one in rules)
    return svg(title, across.end + 10, height, frame(across, up) + "".join(drawn) + limits)
