"""From a CSV or Parquet file to numbers: the one place that opens the team's data."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from mlagent.config.sections import Data
from mlagent.core.context import DataFile
from mlagent.errors import InputError

if TYPE_CHECKING:
    import numpy as np

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {".csv": pl.read_csv, ".parquet": pl.read_parquet}
MAX_CLASSES = 1000


class Table(msgspec.Struct, frozen=True):
    """Rows as numbers: `features` float32 (rows, columns), `target` int64 (rows,) in 0..classes-1."""

    columns: tuple[str, ...]
    features: "np.ndarray"
    target: "np.ndarray"
    classes: int


def read(files: Sequence[DataFile], data: Data) -> Table:
    """Read the files of the `data:` section; InputError (4) names the file, the column and the row."""
    frame = pl.concat([_open(file) for file in files], how="vertical_relaxed")
    if data.target not in frame.columns:
        raise InputError(
            f"{data.path} has no column {data.target!r} (data.target)",
            hint=f"its columns: {', '.join(frame.columns[:20])}{' …' if frame.width > 20 else ''}",
        )
    if frame.height == 0:
        raise InputError(f"{data.path} holds no rows", hint="is it the right file, and was it written to its end?")
    features = frame.drop(data.target)
    _refuse_unusable(features, data.path)
    target, classes = _target(frame.get_column(data.target), data.path)
    return Table(tuple(features.columns), features.cast(pl.Float32).to_numpy(order="c"), target, classes)


def _open(file: DataFile) -> pl.DataFrame:
    path, name = file.path, file.name
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{name}: cannot tell its format by {path.suffix!r}", hint="name it .csv or .parquet")
    try:
        return reader(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{name} cannot be read: {str(error).splitlines()[0]}",
            hint="the file may be cut off or of another format; write it anew",
        ) from error


def _refuse_unusable(features: pl.DataFrame, name: str) -> None:
    for column in features.get_columns():
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise InputError(
                f"{name}: the column {column.name!r} holds {column.dtype}, and features are numbers",
                hint="turn it into numbers or leave it out of the file",
            )
        _refuse_rows(
            column, ~(column.is_finite() if column.dtype.is_float() else column.is_not_null()), name, "a number"
        )


def _target(column: pl.Series, name: str) -> "tuple[np.ndarray, int]":
    if not column.dtype.is_integer():
        raise InputError(
            f"{name}: the target {column.name!r} holds {column.dtype}, and a class is a whole number from 0",
            hint="number the classes 0, 1, 2, …",
        )
    _refuse_rows(column, ~column.is_between(0, MAX_CLASSES - 1), name, f"a class from 0 to {MAX_CLASSES - 1}")
    classes = int(column.max()) + 1  # type: ignore[arg-type]
    if classes < 2:
        raise InputError(f"{name}: the target {column.name!r} is 0 in every row", hint="there is nothing to learn")
    return column.cast(pl.Int64).to_numpy(), classes


def _refuse_rows(column: pl.Series, bad: pl.Series, name: str, wanted: str) -> None:
    rows = bad.fill_null(value=True).arg_true()
    if len(rows):
        raise InputError(
            f"{name}: {column.name!r} is {column[rows[0]]} in data row {rows[0] + 1}, not {wanted}"
            f" ({len(rows)} such rows in {len(column)})",
            hint="fill these values or drop the rows",
        )
