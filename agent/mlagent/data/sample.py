"""A sample of rows, of bounded size however many there are: for profiles and distances."""

import numpy as np
import polars as pl

from mlagent.data.mixing import splitmix

LARGEST = 131_072


class Sample:
    """One row, chosen by hash, of each block of 2, 4, 8 … rows: blocks double when there are too many.

    All rows, up to LARGEST of them; beyond, between LARGEST / 2 and LARGEST, the same ones for the same rows. Each row
    is as likely as any other, and those chosen lie evenly over the whole.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._frames: list[pl.DataFrame] = []
        self._numbers: list[np.ndarray] = []
        self._level = 0

    def add(self, batch: pl.DataFrame, first: int) -> None:
        """Take from a batch whose first row has the number `first` of all."""
        last = first + batch.height
        while last > LARGEST << self._level:
            self._double()
        blocks = np.arange(first >> self._level, ((last - 1) >> self._level) + 1, dtype=np.uint64)
        chosen = _chosen(blocks, self._level)
        chosen = chosen[(chosen >= first) & (chosen < last)]
        self._frames.append(batch[chosen - np.uint64(first)] if self._level else batch)
        self._numbers.append(chosen)

    def frame(self) -> pl.DataFrame:
        """What was chosen; empty without columns when nothing was added."""
        return pl.concat(self._frames, how="diagonal_relaxed") if self._frames else pl.DataFrame()

    def _double(self) -> None:
        self._level += 1
        masks = [_chosen(numbers >> np.uint64(self._level), self._level) == numbers for numbers in self._numbers]
        self._frames = [frame.filter(pl.Series(mask)) for frame, mask in zip(self._frames, masks, strict=True)]
        self._numbers = [numbers[mask] for numbers, mask in zip(self._numbers, masks, strict=True)]


def _chosen(blocks: np.ndarray, level: int) -> np.ndarray:
    """The row of each block (n,) of 2**level rows: a block's is that of one of its halves, so all levels agree."""
    found = blocks
    for half in range(level, 0, -1):
        found = found * np.uint64(2) + (splitmix(found ^ np.uint64(half << 56)) & np.uint64(1))
    return found
