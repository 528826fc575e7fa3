"""One column's decoded values as the array that the model takes: the same that training made of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from mlagent.serving.datatypes import BY_ONNX
from mlagent.serving.metadata import Array
from mlagent.serving.signature import Column, Kind

_INT64 = BY_ONNX["tensor(int64)"].element
_FLOAT32 = BY_ONNX["tensor(float)"].element
TYPES: Mapping[Kind, Any] = {
    "integer": _INT64,
    "number": float,
    "text": str,
    "boolean": bool,
    "date": date,
    "datetime": datetime,
}
Values = Sequence[Any]


def type_of(column: Column) -> Any:  # noqa: ANN401  a type, annotated or not
    """What msgspec decodes a value of the column to, whatever the size of its numbers."""
    return _list_type(column, float) if column.type == "list" else TYPES[column.type]


def fitting(column: Column) -> Any:  # noqa: ANN401  a type, annotated or not
    """The same, of numbers that fit the model's."""
    if column.type == "list":
        return _list_type(column, _FLOAT32)
    return _FLOAT32 if column.type == "number" else TYPES[column.type]


def moment(value: datetime) -> str:
    """A moment as training saw it: without a zone, to the microsecond; ValueError for one of another zone than UTC."""
    if value.utcoffset():
        raise ValueError
    return value.replace(tzinfo=None).isoformat(timespec="microseconds")


def _list_type(column: Column, element: Any) -> Any:  # noqa: ANN401  types, annotated or not
    return Annotated[list[element], Meta(min_length=column.length, max_length=column.length)]


def _number(_: Column, values: Values, __: str) -> Array:
    return np.array(values, np.float32).reshape(-1, 1)


def _integer(column: Column, values: Values, _: str) -> Array:
    return np.array(values, np.float64 if column.nullable else np.int64).reshape(-1, 1)


def _boolean(column: Column, values: Values, _: str) -> Array:
    return np.array(values, np.float64 if column.nullable else np.bool_).reshape(-1, 1)


def _text(_: Column, values: Values, missing: str) -> Array:
    return _texts([missing if one is None else one for one in values])


def _date(_: Column, values: Values, missing: str) -> Array:
    return _texts([missing if one is None else one.isoformat() for one in values])


def _datetime(_: Column, values: Values, missing: str) -> Array:
    return _texts([missing if one is None else moment(one) for one in values])


def _list(column: Column, values: Values, _: str) -> Array:
    absent = [np.nan] * column.length
    return np.array([absent if one is None else one for one in values], np.float32)


def _texts(values: Sequence[str]) -> Array:
    return np.array(values, np.object_).reshape(-1, 1)


ARRAYS: Mapping[Kind, Callable[[Column, Values, str], Array]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "text": _text,
    "date": _date,
    "datetime": _datetime,
    "list": _list,
}


def datatype(column: Column) -> str:
    """The protocol's name of the elements of that array."""
    if column.type in ("integer", "boolean"):
        return "FP64" if column.nullable else {"integer": "INT64", "boolean": "BOOL"}[column.type]
    return "FP32" if column.type in ("number", "list") else "BYTES"
