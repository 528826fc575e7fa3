"""One pass over the rows, file by file and batch by batch: every check counted, the first failing rows kept."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import polars as pl

from mlagent.core.context import DataFile
from mlagent.data.keys import Keys
from mlagent.data.rowtests import RAW, RowTest, row_tests
from mlagent.data.sample import Sample
from mlagent.data.schema import Schema
from mlagent.data.tables import Opened, open_table
from mlagent.data.typed import conversions

BATCH_ROWS = 500_000
MASKED = "[masked]"
ROW = "\0row number"
POLARS = pl.__version__


class Row(msgspec.Struct, frozen=True):
    """A failing row: its file, its number from 1 (the heading of a CSV does not count), the values looked at."""

    file: str
    number: int
    values: dict[str, str]


class Counted(msgspec.Struct, kw_only=True):
    """A row test and what it found."""

    test: RowTest
    failures: int = 0
    rows: list[Row] = []


class Scanned(msgspec.Struct, kw_only=True):
    """What one pass over all files found; `newest` the latest value of each date column.

    `absent` are the optional columns that no file has.
    """

    rows: int
    files: int
    missing: dict[str, list[str]]
    absent: frozenset[str]
    extra: dict[str, list[str]]
    counted: list[Counted]
    keys: list[Keys]
    newest: dict[str, Any]
    sample: pl.DataFrame


class Scanner:
    """Goes through the files once; what it keeps does not grow with them, but for the digests of unique keys."""

    def __init__(
        self, schema: Schema, now: datetime, kept_rows: int = 10, progress: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Keep the first failing rows of each check; `progress` is told how many rows were read, of how many."""
        self.schema, self._kept, self._progress = schema, kept_rows, progress
        self._counted = [Counted(test=test) for test in row_tests(schema, now)]
        self._keys = [Keys(unique.columns, kept_rows) for unique in schema.uniques]
        self._dated = [name for name, column in schema.columns.items() if column.max_age_days is not None]
        self._newest: dict[str, Any] = {}
        self._missing: dict[str, list[str]] = {}
        self._extra: dict[str, list[str]] = {}
        self._sample = Sample()
        self._rows = self._all_rows = 0

    def scan(self, files: Sequence[DataFile]) -> Scanned:
        """Read every file once; InputError (4) names one that cannot be read."""
        opened = [open_table(file) for file in files]
        self._all_rows = sum(table.rows() for table in opened)
        here = {name for table in opened for name in table.schema}
        for table in opened:
            self._table(table)
        for keys in self._keys:
            keys.settle(partial(self._again, opened, keys.columns), self._shown)
        return Scanned(
            rows=self._rows,
            files=len(files),
            missing=self._missing,
            absent=self.schema.optional - here,
            extra=self._extra,
            counted=self._counted,
            keys=self._keys,
            newest=self._newest,
            sample=self._sample.frame(),
        )

    def _table(self, table: Opened) -> None:
        here, wanted = table.schema, self.schema.columns
        for name in wanted:
            if name not in here and name not in self.schema.optional:
                self._missing.setdefault(name, []).append(table.file.name)
        for name in here:
            if name not in wanted:
                self._extra.setdefault(name, []).append(table.file.name)
        changed = conversions(table, here, self.schema)
        asked = [
            (one, mask)
            for one, mask in self._asked(set(here), set(changed))
            if not (changed.keys().isdisjoint(one.test.columns) and table.passes(mask))
        ]
        before = self._rows
        for batch in table.batches(BATCH_ROWS):
            self._batch(_typed(batch, changed), asked, table.file.name, self._rows - before)
            self._rows += batch.height
            self._progress(self._rows, max(self._rows, self._all_rows))

    def _again(self, opened: Sequence[Opened], names: Sequence[str]) -> Iterator[tuple[str, int, pl.DataFrame]]:
        """The rows of some columns once more: file, offset, typed rows."""
        for table in opened:
            offset = 0
            for batch in table.batches(BATCH_ROWS, names) if set(names) <= set(table.schema) else ():
                yield table.file.name, offset, _typed(batch, conversions(table, names, self.schema))
                offset += batch.height

    def _shown(self, frame: pl.DataFrame, index: int, file: str, offset: int) -> Iterator[Row]:
        row = frame[index].with_columns(pl.lit(index).alias(ROW))
        columns = [name for name in frame.columns if not name.startswith(RAW)]
        return shown_rows(row, columns, self.schema, file, offset)

    def _asked(self, here: Collection[str], changed: Collection[str]) -> Iterator[tuple[Counted, pl.Expr]]:
        for one in self._counted:
            mask = one.test.converted if one.test.columns[0] in changed else one.test.mask
            if mask is not None and set(here).issuperset(one.test.columns):
                yield one, mask

    def _batch(self, batch: pl.DataFrame, asked: Sequence[tuple[Counted, pl.Expr]], file: str, offset: int) -> None:
        here = set(batch.columns)
        asked = [  # to see that a column has no empty value costs nothing
            pair for pair in asked if pair[0].test.check != "null" or batch[pair[0].test.columns[0]].null_count()
        ]
        dated = [name for name in self._dated if name in here]
        failing = (mask.sum().alias(str(index)) for index, (_, mask) in enumerate(asked))
        found = batch.lazy().select(*failing, *(pl.col(name).max() for name in dated))
        sums = found.collect().row(0, named=True) if asked or dated else {}
        for index, (one, mask) in enumerate(asked):
            if sums[str(index)]:
                one.failures += sums[str(index)]
                one.rows += self._first(one, mask, batch, file, offset)
        for name in dated:
            if sums[name] is not None and (name not in self._newest or sums[name] > self._newest[name]):
                self._newest[name] = sums[name]
        for keys in self._keys:
            if here.issuperset(keys.columns):
                keys.add(batch)
        self._sample.add(batch.select(one for one in batch.columns if not one.startswith(RAW)), self._rows)

    def _first(self, one: Counted, mask: pl.Expr, batch: pl.DataFrame, file: str, offset: int) -> Iterator[Row]:
        """The first failing rows, as many as there is room for."""
        room = self._kept - len(one.rows)
        first = batch.lazy().with_row_index(ROW).filter(mask).head(room).collect() if room else batch.head(0)
        return shown_rows(first, one.test.columns, self.schema, file, offset)


def _typed(batch: pl.DataFrame, changed: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The batch in the schema's types; what was converted stands beside as it was."""
    if not changed:
        return batch
    raw = [pl.col(name).alias(RAW + name) for name in changed]
    return batch.lazy().with_columns(raw).with_columns(list(changed.values())).collect()


def shown_rows(frame: pl.DataFrame, columns: Sequence[str], schema: Schema, file: str, offset: int) -> Iterator[Row]:
    """Rows with their numbers and, but for those of sensitive columns, their values as they stand in the file."""
    for row in frame.iter_rows(named=True):
        values = {name: row.get(RAW + name, row[name]) for name in columns}
        shown = {name: MASKED if name in schema.sensitive else _shown(value) for name, value in values.items()}
        yield Row(file, offset + int(row[ROW]) + 1, shown)


def _shown(value: object) -> str:
    return "empty" if value is None else str(value)[:80]
