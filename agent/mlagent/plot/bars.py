"""Histograms and bars of counts: they read in black and white."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mlagent.plot.svg import label, line, rect, svg
from mlagent.plot.words import share, short

BINS = 30
WIDTH, HEIGHT, TOP = 480, 140, 18
BARS_WIDTH, BAR = 640, 18

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
        rect(index * width, floor - tall, max(1, width - 1), tall, words=f"{_range(binned, index, spell)}: {count:,}")
        for index, (tall, count) in enumerate(zip(scaled, binned.counts, strict=True))
    )
    axis = line(0, floor, WIDTH, floor, "axis")
    labels = label(0, 12, f"largest bin: {max(binned.counts):,} rows") + label(0, floor + 15, spell(binned.low))
    labels += label(WIDTH, floor + 15, spell(binned.high), "end")
    note = "<p>The counts are drawn on a logarithmic scale.</p>" if binned.logarithmic else ""
    return svg(title, WIDTH, floor + 20, bars + axis + labels) + note


def bars(title: str, counted: Sequence[tuple[str, int]], total: int) -> str:
    """A bar a value, as long as its count, with count and share of the total."""
    most = max(count for _, count in counted)
    drawn = "".join(
        rect(0, index * BAR, count / most * BARS_WIDTH * 0.4, BAR - 4)
        + label(BARS_WIDTH * 0.42, index * BAR + 12, f"{short(value)}: {count:,} ({share(count, total)})")
        for index, (value, count) in enumerate(counted)
    )
    return svg(title, BARS_WIDTH, len(counted) * BAR, drawn)


def _range(binned: Bins, index: int, spell: Spell) -> str:
    first = (binned.low / 2 + index * (binned.width / 2)) * 2  # half of what a float may not hold
    last = min(binned.high, first + binned.width - binned.whole)
    return spell(first) if first == last else f"{spell(first)} to {spell(last)}"
