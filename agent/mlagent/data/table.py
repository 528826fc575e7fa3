"""From the team's files to features and a target: the one place that takes the rows into memory."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from mlagent.config.sections import Data
from mlagent.core.context import DataFile
from mlagent.data.schema import Schema
from mlagent.data.tables import open_table
from mlagent.data.typed import conversions
from mlagent.errors import ConfigError, InputError

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {".csv": pl.read_csv, ".parquet": pl.read_parquet}
MAX_CLASSES = 1000
MAX_CATEGORIES = 100
BATCH_ROWS = 250_000
OPTIONAL = ("key", "group")  # of `data:`, where the schema allows
FILE = "which part's file: "  # the column that holds the part of the file a row comes from


class Table(msgspec.Struct, frozen=True):
    """`features` as they stand, `target` (rows,): int64 in 0..classes-1, or float32 where `classes` is 0.

    `beside` holds what is no feature: key, group, time, what is excluded, and the part their file was given for.
    """

    features: pl.DataFrame
    target: "np.ndarray"
    classes: int
    beside: pl.DataFrame

    def where(self, mask: "np.ndarray") -> "Table":
        """The rows of a mask (rows,)."""
        chosen = pl.Series(mask)
        return Table(self.features.filter(chosen), self.target[mask], self.classes, self.beside.filter(chosen))


def read(files: Sequence[DataFile], data: Data, schema: Schema | None = None) -> Table:
    """Read the files of the `data:` section; InputError (4) names the file, the column and the row.

    With a schema the columns have its types, texts are categories and values may be absent; without one, features are
    numbers. A key or group that the schema calls optional may be absent as a whole.
    """
    frames = (_open(file, schema).with_columns(pl.lit(file.part).alias(FILE)) for file in files)
    frame = pl.concat(frames, how="diagonal_relaxed")
    name = files[0].name
    optional = schema.optional if schema else frozenset()
    for key, column in (("target", data.target), ("key", data.key), ("group", data.group), ("time", data.time)):
        if column and column not in frame.columns and not (key in OPTIONAL and column in optional):
            shown = [one for one in frame.columns if one != FILE]
            raise InputError(
                f"{name} has no column {column!r} (data.{key})",
                hint=f"its columns: {', '.join(shown[:20])}{' …' if len(shown) > 20 else ''}",
            )
    if frame.height == 0:
        raise InputError(f"{name} holds no rows", hint="is it the right file, and was it written to its end?")
    named = dict.fromkeys((data.key, data.group, data.time, *data.exclude))
    beside = [one for one in named if one in frame.columns and one != data.target]
    features = frame.drop(data.target, FILE, *beside)
    if not features.width:
        raise ConfigError("no column is left to learn from", hint="data.exclude, key, group and time are no features")
    _refuse_odd(features, name, schema) if schema else _refuse_unusable(features, name)
    target, classes = _TARGETS[data.kind](frame.get_column(data.target), name)
    return Table(features, target, classes, frame.select(*beside, FILE))


def settled(data: Data, table: Table) -> Data:
    """The section without a key or group that the rows, as they may, lack."""
    absent = [key for key in OPTIONAL if getattr(data, key) not in table.beside.columns]
    return msgspec.structs.replace(data, **dict.fromkeys(absent))


def _open(file: DataFile, schema: Schema | None) -> pl.DataFrame:
    if schema is not None:
        return _typed(file, schema)
    reader = READERS.get(Path(file.name).suffix.lower())
    if reader is None:
        raise InputError(
            f"{file.name}: cannot tell its format by {Path(file.name).suffix!r}", hint="name it .csv or .parquet"
        )
    try:
        return reader(file.path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file.name} cannot be read: {str(error).splitlines()[0]}",
            hint="the file may be cut off or of another format; write it anew",
        ) from error


def _typed(file: DataFile, schema: Schema) -> pl.DataFrame:
    opened = open_table(file)
    known = [name for name in opened.schema if name in schema.columns]
    expressions = list(conversions(opened, known, schema).values())
    absent = pl.col(pl.Float32, pl.Float64).fill_nan(None)
    batches = [batch.with_columns(expressions).with_columns(absent) for batch in opened.batches(BATCH_ROWS, known)]
    return pl.concat(batches) if batches else pl.DataFrame(schema=dict.fromkeys(known, pl.Null))


def _refuse_odd(features: pl.DataFrame, name: str, schema: Schema) -> None:
    """What no encoding knows: a text that is no category, a number that is infinite, a list that is not whole."""
    for column in features.get_columns():
        if column.dtype == pl.String:
            _refuse_many(column, name)
        elif column.dtype.is_float():
            _refuse_rows(column, column.is_infinite().fill_null(value=False), name, "finite")
        elif isinstance(column.dtype, pl.List):
            length = schema.columns[column.name].length
            odd = column.list.eval(pl.element().is_finite().fill_null(value=False).not_()).list.any()
            bad = ((column.list.len() != length) | odd).fill_null(value=False)
            _refuse_rows(column, bad, name, f"a list of {length} finite numbers")


def _refuse_unusable(features: pl.DataFrame, name: str) -> None:
    for column in features.get_columns():
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            good = column.is_finite() if column.dtype.is_float() else column.is_not_null()
            _refuse_rows(column, ~good, name, "a number")
        else:
            if column.dtype == pl.String:  # a column of numbers with a word in it: the word is the mistake
                bad = column.cast(pl.Float64, strict=False).is_null() & column.is_not_null()
                if bad.sum() < len(column) / 2:
                    _refuse_rows(column, bad, name, "a number")
            raise InputError(
                f"{name}: the column {column.name!r} holds {column.dtype}, and features are numbers",
                hint="texts and lists become features where data.schema names them; data.exclude leaves a column out",
            )


def _refuse_many(column: pl.Series, name: str) -> None:
    found = column.n_unique()
    if found > MAX_CATEGORIES:
        raise InputError(
            f"{name}: {column.name!r} holds {found} different texts; categories are {MAX_CATEGORIES} at most",
            hint="is it a name or a key? leave it out (data.exclude), or name it as data.key",
        )


def _class(column: pl.Series, name: str) -> "tuple[np.ndarray, int]":
    if not column.dtype.is_integer():
        raise InputError(
            f"{name}: the target {column.name!r} holds {column.dtype}, and a class is a whole number from 0",
            hint="number the classes 0, 1, 2, …; a target of another kind is named by data.kind",
        )
    _refuse_rows(column, ~column.is_between(0, MAX_CLASSES - 1), name, f"a class from 0 to {MAX_CLASSES - 1}")
    classes = int(column.max()) + 1  # type: ignore[arg-type]
    if classes < 2:
        raise InputError(f"{name}: the target {column.name!r} is 0 in every row", hint="there is nothing to learn")
    return column.cast(pl.Int64).to_numpy(), classes


def _number(column: pl.Series, name: str) -> "tuple[np.ndarray, int]":
    if not column.dtype.is_numeric():
        raise InputError(
            f"{name}: the target {column.name!r} holds {column.dtype}, and data.kind asks for numbers",
            hint="a class is a whole number from 0, and data.kind is then classification",
        )
    numbers = column.cast(pl.Float32)
    _refuse_rows(column, ~numbers.is_finite(), name, "a finite number")
    if numbers.n_unique() == 1:
        raise InputError(
            f"{name}: the target {column.name!r} is {column[0]} in every row", hint="there is nothing to learn"
        )
    return numbers.to_numpy(), 0


def _count(column: pl.Series, name: str) -> "tuple[np.ndarray, int]":
    if column.dtype.is_numeric():
        _refuse_rows(column, (column < 0) | (column % 1 != 0), name, "a count: whole and not below 0")
    return _number(column, name)


_TARGETS: "Mapping[str, Callable[[pl.Series, str], tuple[np.ndarray, int]]]" = {
    "classification": _class,
    "regression": _number,
    "count": _count,
}


def _refuse_rows(column: pl.Series, bad: pl.Series, name: str, wanted: str) -> None:
    rows = bad.fill_null(value=True).arg_true()
    if len(rows):
        raise InputError(
            f"{name}: {column.name!r} is {_shown(column[rows[0]])} in data row {rows[0] + 1}, not {wanted}"
            f" ({len(rows)} such rows in {len(column)})",
            hint="fill these values or drop the rows",
        )


def _shown(value: object) -> str:
    return str(value.to_list() if isinstance(value, pl.Series) else value)[:80]
