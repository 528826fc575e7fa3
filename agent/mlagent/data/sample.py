"""A uniform sample of rows, of bounded size however many there are: for profiles and distances."""

import numpy as np
import polars as pl

from mlagent.data.mixing import splitmix

LARGEST = 131_072


class Sample:
    """Keeps the rows whose number has a hash below a bound; the bound halves when there are too many.

    All rows, up to LARGEST of them; beyond, between LARGEST / 2 and LARGEST, the same ones for the same rows.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._frames: list[pl.DataFrame] = []
        self._hashes: list[np.ndarray] = []
        self._bound = 2**64 - 1
        self._size = 0

    def add(self, batch: pl.DataFrame, first: int) -> None:
        """Take from a batch whose first row has the number `first` of all."""
        hashes = splitmix(np.arange(first, first + batch.height, dtype=np.uint64))
        chosen = hashes <= np.uint64(self._bound)
        self._frames.append(batch if chosen.all() else batch.filter(pl.Series(chosen)))
        self._hashes.append(hashes[chosen])
        self._size += int(chosen.sum())
        while self._size > LARGEST:
            self._halve()

    def frame(self) -> pl.DataFrame:
        """What was chosen; empty without columns when nothing was added."""
        return pl.concat(self._frames, how="diagonal_relaxed") if self._frames else pl.DataFrame()

    def _halve(self) -> None:
        self._bound //= 2
        masks = [hashes <= np.uint64(self._bound) for hashes in self._hashes]
        self._frames = [frame.filter(pl.Series(mask)) for frame, mask in zip(self._frames, masks, strict=True)]
        self._hashes = [hashes[mask] for hashes, mask in zip(self._hashes, masks, strict=True)]
        self._size = sum(len(hashes) for hashes in self._hashes)
