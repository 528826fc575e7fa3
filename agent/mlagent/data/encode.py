"""From raw columns to the numbers a model takes; what ships does the same by itself (training/encoder.py)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from mlagent.data import lists
from mlagent.data.schema import Kind, Schema
from mlagent.errors import InputError

MISSING = "<missing>"  # what stands for an absent text or date in the shipped model's input
Scaling = Literal["none", "standard"]
Target = Literal["classification", "regression", "count"]
FIRST = datetime(2000, 1, 1)  # noqa: DTZ001 - without a zone, as all moments in the rows
TEXTS = ("text", "date", "datetime")


class Item(msgspec.Struct, frozen=True):
    """How one number of a list is filled and scaled."""

    fill: float = 0.0
    mean: float = 0.0
    scale: float = 1.0


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """One column and the features that it becomes.

    A number becomes (value - mean) / scale, of `fill` where it is absent; a boolean 0 or 1; a text a 1 for the one of
    `categories` that it is, which were those of the training part, so that one unknown is none of them; a date its year
    in decades from 2000, sine and cosine of its place in the year, and its place in the month, a datetime those and its
    place in the day; a list a number for each of `items`. `missing` adds a 1 where it is absent.
    """

    column: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()
    missing: bool = False
    fill: float = 0.0
    mean: float = 0.0
    scale: float = 1.0
    items: tuple[Item, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        found = tuple(f"{self.column} {part}" for part in _PARTS.get(self.kind, ())) or (self.column,)
        if self.kind == "text":
            found = tuple(f"{self.column}={one}" for one in self.categories)
        elif self.kind == "list":
            found = tuple(f"{self.column}[{place}]" for place in range(len(self.items)))
        return found + ((f"{self.column} missing",) if self.missing else ())


_KINDS: Mapping[pl.DataType, Kind] = {pl.String(): "text", pl.Boolean(): "boolean"}
_DATE = ("year", "season sine", "season cosine", "day")
_PARTS: Mapping[str, tuple[str, ...]] = {"date": _DATE, "datetime": (*_DATE, "time")}


class Shape(msgspec.Struct, frozen=True):
    """What a model takes and gives: `features` numbers a row, named `columns`, and one of `classes` (0: a number).

    `raw`: the shipped model takes the raw columns of `encoding`, each an input; else one input `features`, float32
    (rows, features), which are the columns as they stand.
    """

    columns: tuple[str, ...]
    features: int
    classes: int
    encoding: tuple[Encoding, ...]
    raw: bool = False
    kind: Target = "classification"


def fit(
    train: pl.DataFrame,
    classes: int,
    schema: Schema | None = None,
    scaling: Scaling = "none",
    kind: Target = "classification",
) -> Shape:
    """Choose categories, means and scales by the training part alone; categories in the order of their names."""
    encoding = tuple(_fit(one, schema, scaling) for one in train.get_columns())
    columns = tuple(name for one in encoding for name in one.names)
    raw = schema is not None or not all(_as_it_stands(one) for one in encoding)
    return Shape(columns, len(columns), classes, encoding, raw=raw, kind=kind)


def _as_it_stands(one: Encoding) -> bool:
    """Whether its one feature is the column's own value, so that a model of features is one of raw columns."""
    return one == Encoding(column=one.column, kind=one.kind, fill=one.fill) and one.kind in ("number", "boolean")


def _fit(column: pl.Series, schema: Schema | None, scaling: Scaling) -> Encoding:
    known = schema.columns.get(column.name) if schema else None
    kind: Kind = known.type if known else _KINDS.get(column.dtype, "number")
    missing = column.null_count() > 0 or bool(known and known.nullable)
    categories = tuple(column.drop_nulls().unique().sort().to_list()) if kind == "text" else ()
    numbers = column.drop_nulls().cast(pl.Float64).to_numpy() if kind in ("number", "integer") else np.empty(0)
    one = _item(numbers, scaling)
    return Encoding(
        column=column.name,
        kind=kind,
        categories=categories,
        missing=missing,
        fill=one.fill,
        mean=one.mean,
        scale=one.scale,
        items=_items(column.drop_nulls(), known.length, scaling) if known and known.length else (),
    )


def _items(lists_: pl.Series, length: int, scaling: Scaling) -> tuple[Item, ...]:
    numbers = lists.matrix(lists_, length).astype(np.float64)
    return tuple(_item(numbers[:, place], scaling) for place in range(length))


def _item(numbers: np.ndarray, scaling: Scaling) -> Item:
    if not len(numbers):
        return Item()
    fill, deviation = (float(np.float32(one)) for one in (numbers.mean(), numbers.std()))
    return Item(fill, fill, deviation) if scaling == "standard" and deviation > 0 else Item(fill)


def apply(shape: Shape, rows: pl.DataFrame) -> np.ndarray:
    """Rows as float32 (rows, features), C-contiguous."""
    return np.ascontiguousarray(np.hstack([_features(one, rows.get_column(one.column)) for one in shape.encoding]))


def _features(one: Encoding, values: pl.Series) -> np.ndarray:
    absent = values.is_null().to_numpy()
    found = _ENCODERS[one.kind](one, values)
    return np.column_stack([found, absent.astype(np.float32)]) if one.missing else found


def _number(one: Encoding, values: pl.Series) -> np.ndarray:
    numbers = values.cast(pl.Float32).fill_null(one.fill).to_numpy()
    scaled: np.ndarray = (numbers - np.float32(one.mean)) / np.float32(one.scale)
    return scaled.reshape(-1, 1)


def _list(one: Encoding, values: pl.Series) -> np.ndarray:
    numbers = lists.matrix(values, len(one.items))
    fills, means, scales = np.array([(item.fill, item.mean, item.scale) for item in one.items], np.float32).T
    scaled: np.ndarray = (np.where(np.isnan(numbers), fills, numbers) - means) / scales
    return scaled


def _boolean(_: Encoding, values: pl.Series) -> np.ndarray:
    return values.fill_null(value=False).cast(pl.Float32).to_numpy().reshape(-1, 1)


def _text(one: Encoding, values: pl.Series) -> np.ndarray:
    codes = values.replace_strict(
        list(one.categories), list(range(len(one.categories))), default=-1, return_dtype=pl.Int64
    )
    matrix: np.ndarray = codes.fill_null(-1).to_numpy()[:, None] == np.arange(len(one.categories))
    return matrix.astype(np.float32)


def _date(_: Encoding, values: pl.Series) -> np.ndarray:
    at = values.cast(pl.Datetime).fill_null(FIRST).dt
    month, day = at.month().cast(pl.Float32).to_numpy(), at.day().cast(pl.Float32).to_numpy()
    season = np.float32(2 * np.pi / 12) * (month - np.float32(1) + (day - np.float32(1)) / np.float32(31))
    year = (at.year().cast(pl.Float32).to_numpy() - np.float32(2000)) / np.float32(10)
    return np.column_stack([year, np.sin(season), np.cos(season), (day - np.float32(1)) / np.float32(31)])


def _datetime(one: Encoding, values: pl.Series) -> np.ndarray:
    at = values.fill_null(FIRST).dt
    hour, minute = at.hour().cast(pl.Float32).to_numpy(), at.minute().cast(pl.Float32).to_numpy()
    return np.column_stack([_date(one, values), (hour + minute / np.float32(60)) / np.float32(24)])


_ENCODERS: Mapping[Kind, Callable[[Encoding, pl.Series], np.ndarray]] = {
    "number": _number,
    "integer": _number,
    "boolean": _boolean,
    "text": _text,
    "date": _date,
    "datetime": _datetime,
    "list": _list,
}


def inputs(shape: Shape, rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """Rows as the shipped model takes them: raw columns by name, (rows, 1) or (rows, items), or `features`."""
    if not shape.raw:
        return {"features": apply(shape, rows)}
    wide = {one.column: max(1, len(one.items)) for one in shape.encoding}
    return {one.column: _raw(one, rows[one.column]).reshape(-1, wide[one.column]) for one in shape.encoding}


def _raw(one: Encoding, values: pl.Series) -> np.ndarray:
    if one.kind in TEXTS:
        return _texts(values)
    if one.kind == "list":
        return lists.matrix(values, len(one.items))
    if one.kind == "number":
        return values.cast(pl.Float32).to_numpy()
    if one.missing:  # an absent whole number or boolean is NaN
        return values.cast(pl.Float64).to_numpy()
    return values.cast(pl.Int64 if one.kind == "integer" else pl.Boolean).to_numpy()


def _texts(values: pl.Series) -> np.ndarray:
    texts = values.dt.to_string("iso:strict") if values.dtype.is_temporal() else values.cast(pl.String)
    return texts.fill_null(MISSING).to_numpy().astype(object)


def feed(types: Mapping[str, str], rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """Rows as another model takes them, (rows, 1) or (rows, items) by the names and ONNX types of its inputs.

    InputError (4) for an input that no column is, or whose type the column cannot take.
    """
    found = {}
    for name, type_ in types.items():
        if name not in rows.columns:
            raise InputError(f"it takes {name!r}, which these rows do not have", hint="retrain it on today's columns")
        try:
            found[name] = _as(type_, rows.get_column(name)).reshape(rows.height, -1)
        except (KeyError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
            message = f"it takes {name!r} as {type_}, and these rows hold {rows.schema[name]}"
            raise InputError(message, hint="retrain it on today's columns") from error
    return found


def _as(type_: str, values: pl.Series) -> np.ndarray:
    if type_ == "tensor(string)":
        return _texts(values)
    if values.dtype == pl.String:
        raise TypeError
    if isinstance(values.dtype, pl.List) and type_ == "tensor(float)":
        return lists.matrix(values, lists.longest(values))
    kinds = {
        "tensor(float)": pl.Float32,
        "tensor(double)": pl.Float64,
        "tensor(int64)": pl.Int64,
        "tensor(bool)": pl.Boolean,
    }
    if values.null_count() and type_ in ("tensor(int64)", "tensor(bool)"):
        raise ValueError
    return values.cast(kinds[type_]).to_numpy()
