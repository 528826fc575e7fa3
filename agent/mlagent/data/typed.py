"""From what a file holds to what a schema asks for; what cannot be converted becomes null, and is found by that."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from mlagent.data.lists import of_numbers
from mlagent.data.schema import DTYPES, Kind, Schema
from mlagent.data.tables import Opened
from mlagent.errors import InputError

TEXTS = (pl.String, pl.Categorical, pl.Enum)
_TRUE, _FALSE = ["true", "True", "TRUE", "1"], ["false", "False", "FALSE", "0"]


def conversions(table: Opened, names: Iterable[str], schema: Schema) -> dict[str, pl.Expr]:
    """How those of the columns become what the schema says that are not; InputError (4) for a list in a CSV."""
    found = {}
    for name in names:
        column = schema.columns.get(name)
        if column and column.type == "list" and Path(table.file.name).suffix.lower() == ".csv":
            raise InputError(
                f"{table.file.name}: {name!r} is a list (data.schema), and a CSV cannot hold lists",
                hint="write the rows as Parquet, whose columns can be lists of numbers",
            )
        found[name] = convert(name, table.schema[name], column.type) if column else None
    return {name: one for name, one in found.items() if one is not None}


def convert(name: str, dtype: pl.DataType, kind: Kind) -> pl.Expr | None:
    """The column in the schema's type, under its own name; None when it is of it already."""
    column, wanted = pl.col(name), DTYPES[kind]
    if _fits(dtype, kind):
        return None
    if isinstance(dtype, TEXTS) and kind != "list":
        found = _from_text(column.cast(pl.String), kind)
    elif kind == "integer" and dtype.is_float():
        found = pl.when(column == column.floor()).then(column).otherwise(None).cast(pl.Int64, strict=False)
    elif kind == "boolean" and dtype.is_integer():
        found = pl.when(column.is_in([0, 1])).then(column == 1).otherwise(None)
    elif (
        (kind == "number" and dtype.is_numeric())
        or (kind == "list" and of_numbers(dtype))
        or (kind in ("date", "datetime") and isinstance(dtype, pl.Date | pl.Datetime))
    ):
        found = column.cast(wanted, strict=False)
    else:
        found = pl.lit(None, dtype=wanted)
    return found.alias(name)


def _fits(dtype: pl.DataType, kind: Kind) -> bool:
    return (
        (kind == "integer" and dtype.is_integer())
        or (kind == "number" and (dtype.is_float() or dtype.is_integer()))
        or (kind == "list" and isinstance(dtype, pl.List) and (dtype.inner.is_float() or dtype.inner.is_integer()))
        or dtype == DTYPES[kind]
    )


def _from_text(text: pl.Expr, kind: Kind) -> pl.Expr:
    if kind == "boolean":
        known = pl.when(text.is_in(_TRUE)).then(pl.lit(value=True)).when(text.is_in(_FALSE)).then(pl.lit(value=False))
        return known.otherwise(None)
    if kind == "date":
        return text.str.to_date("%Y-%m-%d", strict=False)
    if kind == "datetime":
        plain = text.str.replace(" ", "T", literal=True).str.strip_suffix("Z")
        return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False)
    return text if kind == "text" else text.cast(DTYPES[kind], strict=False)
