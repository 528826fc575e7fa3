"""Plots as SVG that needs no style: one hue, bars that read in black and white, every text escaped."""

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

BINS = 30
WIDTH, HEIGHT, TOP = 480, 140, 18
BARS_WIDTH, BAR = 640, 18
INK = "#2b6cb0"
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")

Spell = Callable[[float], str]


class Bins(NamedTuple):
    """How many numbers lie in each bin of equal width; whole numbers have bins of whole width."""

    counts: list[int]
    low: float
    high: float
    width: float
    whole: bool

    @property
    def logarithmic(self) -> bool:
        """Whether the largest bin would hide the others."""
        return bool(max(self.counts) > 100 * np.median([count for count in self.counts if count]))


def bins(numbers: np.ndarray) -> Bins:
    """Count finite numbers (n,), at least one, in about BINS bins from the least to the greatest."""
    low, high = float(numbers.min()), float(numbers.max())
    half = high / 2 - low / 2  # the whole may be more than a float holds
    if half == 0:
        return Bins([len(numbers)], low, high, 0, whole=False)
    whole = half < 2**50 and bool((numbers == np.floor(numbers)).all())
    if whole:
        width = float(np.ceil((high - low + 1) / BINS))
        places, several = (numbers - low) // width, int((high - low) // width) + 1
    else:
        places, several, width = (numbers / 2 - low / 2) / half * BINS, BINS, half / BINS * 2
    counts = np.bincount(np.minimum(places, several - 1).astype(int), minlength=several)
    return Bins(counts.tolist(), low, high, width, whole)


def histogram(title: str, binned: Bins, spell: Spell) -> str:
    """Bars as high as their counts, or as their logarithms, which a sentence then says; bounds are spelled."""
    heights = np.log1p(binned.counts) if binned.logarithmic else np.array(binned.counts, float)
    scaled = heights / heights.max() * HEIGHT
    width = WIDTH / len(scaled)
    floor = TOP + HEIGHT
    bars = "".join(
        f'<rect x="{index * width:.1f}" y="{floor - tall:.1f}" width="{max(1, width - 1):.1f}" height="{tall:.1f}"'
        f' fill="{INK}"><title>{text(_range(binned, index, spell))}: {count:,}</title></rect>'
        for index, (tall, count) in enumerate(zip(scaled, binned.counts, strict=True))
    )
    axis = f'<line x1="0" y1="{floor}" x2="{WIDTH}" y2="{floor}" stroke="black"></line>'
    labels = _label(0, 12, f"largest bin: {max(binned.counts):,} rows") + _label(0, floor + 15, spell(binned.low))
    labels += _label(WIDTH, floor + 15, spell(binned.high), "end")
    note = "<p>The counts are drawn on a logarithmic scale.</p>" if binned.logarithmic else ""
    return _svg(title, WIDTH, floor + 20, bars + axis + labels) + note


def bars(title: str, counted: Sequence[tuple[str, int]], total: int) -> str:
    """A bar a value, as long as its count, with count and share of the total."""
    most = max(count for _, count in counted)
    drawn = "".join(
        f'<rect x="0" y="{index * BAR}" width="{count / most * BARS_WIDTH * 0.4:.1f}" height="{BAR - 4}"'
        f' fill="{INK}"></rect>'
        + _label(BARS_WIDTH * 0.42, index * BAR + 12, f"{short(value)}: {count:,} ({share(count, total)})")
        for index, (value, count) in enumerate(counted)
    )
    return _svg(title, BARS_WIDTH, len(counted) * BAR, drawn)


def text(value: str) -> str:
    """As HTML shows it, never markup; what has no shape, or turns the reading direction, shows as a replacement."""
    return escape(_UNSEEN.sub("\ufffd", value))


def short(value: str, most: int = 40) -> str:
    """Cut, with an ellipsis where something is missing."""
    return value if len(value) <= most else value[: most - 1] + "…"


def share(part: int, whole: int) -> str:
    """In per cent."""
    return f"{part / whole:.1%}" if whole else "no rows"


def _range(binned: Bins, index: int, spell: Spell) -> str:
    first = (binned.low / 2 + index * (binned.width / 2)) * 2  # half of what a float may not hold
    last = min(binned.high, first + binned.width - binned.whole)
    return spell(first) if first == last else f"{spell(first)} to {spell(last)}"


def _svg(title: str, width: int, height: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" overflow="visible" font-family="sans-serif">'
        f"<title>{text(title)}</title>{inside}</svg>"
    )


def _label(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="12" text-anchor="{anchor}">{text(words)}</text>'
