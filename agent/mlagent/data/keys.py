"""Whether values stand in one row only: by a table where keys are integers that lie close together, else by digests."""

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from mlagent.data.scan import Row

SEED = 20_240_601
SORTED_AT_ONCE = 4_000_000  # digests of 8 bytes; more wait in a temporary file and are compared part by part
PART_BITS = 6
PARTS = 2**PART_BITS
LARGEST_TABLE = 64_000_000  # bytes, one for each possible key
COMPARED_IN_FULL = 100_000  # keys that stand twice; of more, digests that meet by chance count too
INDEX = "\0row number"

Again = Callable[[], Iterable[tuple[str, int, pl.DataFrame]]]
Show = Callable[[pl.DataFrame, int, str, int], Iterator["Row"]]


class Keys:
    """One unique key over all rows; a key with an empty column counts for none."""

    def __init__(self, columns: tuple[str, ...], kept_rows: int = 10) -> None:
        """Start empty; keep the first rows whose key stood before."""
        self.columns, self._kept = columns, kept_rows
        self.failures = 0
        self.rows: list[Row] = []
        self._table: _Table | None = _Table(len(columns))
        self._digests = _Digests()
        self._added = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Take the keys of a batch."""
        keys = batch.select(self.columns).drop_nulls()
        if self._table is not None and not self._table.add(keys):
            self._table = None
            if self._added:
                self._digests.late = True  # what the table took so far is looked at again at the end
        if self._table is None and not self._digests.late:
            self._digests.add(_digests(keys))
        self._added += keys.height

    def settle(self, again: Again, show: Show) -> None:
        """Count rows whose key stood before; `again` gives the rows once more: file, offset, typed key columns."""
        if self._table is not None and self._table.all_differ():
            return
        if self._table is not None or self._digests.late:
            for _, _, frame in again():
                self._digests.add(_digests(frame.select(self.columns).drop_nulls()))
        twice, failures = self._digests.twice()
        if len(twice):
            self.failures = self._look(pl.Series(twice), again, show)
            if len(twice) > COMPARED_IN_FULL:
                self.failures = failures

    def _look(self, twice: pl.Series, again: Again, show: Show) -> int:
        """Compare the keys of some digests in full, and show the first rows; how many rows repeat a key."""
        seen: set[tuple[object, ...]] = set()
        failures = 0
        for file, offset, frame in again():
            keys = frame.select(self.columns).with_row_index(INDEX).drop_nulls()
            met = pl.Series(_digests(keys.select(self.columns))).is_in(twice.implode())
            for row in keys.filter(met).iter_rows():
                if row[1:] in seen:
                    failures += 1
                    self.rows += show(frame, row[0], file, offset) if len(self.rows) < self._kept else ()
                seen.add(row[1:])
            if len(twice) > COMPARED_IN_FULL and len(self.rows) == self._kept:
                break
        return failures


class _Table:
    """A byte for every possible key between the least and greatest values of integer columns; it grows with them."""

    def __init__(self, columns: int) -> None:
        self._low = [0] * columns
        self._seen = np.zeros((0,) * columns, np.bool_)
        self._added = 0

    def add(self, keys: pl.DataFrame) -> bool:
        """Mark the keys; False, with nothing done, where they are no integers or lie too far apart."""
        if not all(dtype.is_integer() for dtype in keys.dtypes):
            return False
        if not keys.height:
            return True
        columns = [column.to_numpy() for column in keys.get_columns()]
        if not self._reach([int(one.min()) for one in columns], [int(one.max()) for one in columns]):
            return False
        place: np.ndarray | None = None
        for column, low, size in zip(columns, self._low, self._seen.shape, strict=True):
            near = column - np.int64(low) if column.dtype != np.uint64 else (column - np.uint64(low)).astype(np.int64)
            if place is None:
                place = near
            else:
                place *= size
                place += near
        self._seen.reshape(-1)[place] = True
        self._added += keys.height
        return True

    def all_differ(self) -> bool:
        """Whether as many keys are marked as were added."""
        return int(np.count_nonzero(self._seen)) == self._added

    def _reach(self, low: list[int], high: list[int]) -> bool:
        """Grow to hold these values, a quarter more above and down to a near 0; False where that is too large."""
        if self._seen.size:
            ends = [start + size - 1 for start, size in zip(self._low, self._seen.shape, strict=True)]
            if all(a <= b for a, b in zip(self._low, low, strict=True)) and all(
                a >= b for a, b in zip(ends, high, strict=True)
            ):
                return True
            low = [min(one, other) for one, other in zip(low, self._low, strict=True)]
            high = [max(one, other) for one, other in zip(high, ends, strict=True)]
        for spare in (4, 0):
            spares = [(b - a) // spare if spare else 0 for a, b in zip(low, high, strict=True)]
            starts = [0 if 0 < a <= more else a for a, more in zip(low, spares, strict=True)]
            sizes = [b - a + 1 + more for a, b, more in zip(starts, high, spares, strict=True)]
            if math.prod(sizes) <= LARGEST_TABLE:
                break
        else:
            return False
        grown = np.zeros(sizes, np.bool_)
        if self._seen.size:
            at = [start - first for start, first in zip(self._low, starts, strict=True)]
            grown[tuple(slice(a, a + size) for a, size in zip(at, self._seen.shape, strict=True))] = self._seen
        self._low, self._seen = starts, grown
        return True


class _Digests:
    """Digests of keys: in memory while they are few, else in a file without a name, as sorted runs."""

    def __init__(self) -> None:
        self.late = False
        self._chunks: list[np.ndarray] = []
        self._here = 0
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, np.ndarray]] = []  # where a run begins, and where each part of it ends

    def add(self, digests: np.ndarray) -> None:
        """Take some."""
        self._chunks.append(digests)
        self._here += len(digests)
        if self._here > SORTED_AT_ONCE:
            self._spill()

    def twice(self) -> tuple[np.ndarray, int]:
        """Digests that stand more than once, and how many repeat another."""
        if self._file:
            self._spill()
        found, repeated = [np.empty(0, np.uint64)], 0
        for part in range(PARTS) if self._file else [0]:
            some = np.concatenate([np.empty(0, np.uint64), *(self._read(part) if self._file else self._chunks)])
            some.sort(kind="stable")  # quick on runs that are sorted
            same = some[1:][some[1:] == some[:-1]]
            repeated += len(same)
            found.append(np.unique(same))
        if self._file:
            self._file.close()
        return np.concatenate(found), repeated

    def _spill(self) -> None:
        run = np.concatenate([np.empty(0, np.uint64), *self._chunks])
        self._chunks, self._here = [], 0
        run.sort()
        ends = np.searchsorted(run >> np.uint64(64 - PART_BITS), np.arange(PARTS, dtype=np.uint64), side="right")
        self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this
        self._runs.append((self._file.seek(0, os.SEEK_END), ends))
        self._file.write(run.data)

    def _read(self, part: int) -> Iterator[np.ndarray]:
        """A part of each run: all digests that begin with the same bits."""
        assert self._file  # noqa: S101 - asked only where there is one
        for begins, ends in self._runs:
            first = int(ends[part - 1]) if part else 0
            self._file.seek(begins + 8 * first)
            yield np.frombuffer(self._file.read(8 * (int(ends[part]) - first)), np.uint64)


def _digests(frame: pl.DataFrame) -> np.ndarray:
    return frame.hash_rows(SEED).to_numpy()
