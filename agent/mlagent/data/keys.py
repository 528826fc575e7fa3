"""Whether values stand in one row only: digests of them are sorted, and those that meet are compared in full."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from mlagent.data.scan import Row

SEED = 20_240_601
LARGEST = 16_000_000  # digests (8 bytes each) sorted at once; more are sorted part by part, from a file


class Keys:
    """The digests of one unique key over all rows; a key with an empty column counts for none."""

    def __init__(self, columns: tuple[str, ...], kept_rows: int = 10) -> None:
        """Start empty; keep the first rows whose key stood before."""
        self.columns, self._kept = columns, kept_rows
        self.failures = 0
        self.rows: list[Row] = []
        self._chunks: list[np.ndarray] = []

    def add(self, batch: pl.DataFrame) -> None:
        """Take the digests of a batch."""
        self._chunks.append(_digests(batch.select(self.columns).drop_nulls()))

    def twice(self) -> np.ndarray:
        """Digests that were added more than once."""
        digests = np.concatenate(self._chunks) if self._chunks else np.empty(0, np.uint64)
        self._chunks = []
        digests.sort()
        return np.unique(digests[1:][digests[1:] == digests[:-1]])

    def settle(self, again: Callable[[], Iterable[tuple[str, int, pl.DataFrame]]], show: "Show") -> None:
        """Count rows whose key stood before; `again` gives the rows once more: file, offset, typed key columns."""
        twice = pl.Series(self.twice())
        if not len(twice):
            return
        seen: set[tuple[object, ...]] = set()
        for file, offset, frame in again():
            keys = frame.select(self.columns).with_row_index("\0row number").drop_nulls()
            digests = pl.Series(_digests(keys.select(self.columns)))
            for row in keys.filter(digests.is_in(twice.implode())).iter_rows():
                if row[1:] in seen:
                    self.failures += 1
                    self.rows += show(frame, row[0], file, offset) if len(self.rows) < self._kept else ()
                seen.add(row[1:])


Show = Callable[[pl.DataFrame, int, str, int], Iterator["Row"]]


def _digests(frame: pl.DataFrame) -> np.ndarray:
    return frame.hash_rows(SEED).to_numpy()
