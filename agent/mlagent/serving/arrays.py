"""One column's decoded values as the array that the model takes: the same that training made of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from mlagent.serving.metadata import Array
from mlagent.serving.signature import Column, Kind

_INT64 = Meta(ge=-(2**63), le=2**63 - 1)
TYPES: Mapping[Kind, Any] = {
    "integer": Annotated[int, _INT64],
    "number": float,
    "text": str,
    "boolean": bool,
    "date": date,
    "datetime": datetime,
}
Values = Sequence[Any]


def type_of(column: Column) -> Any:  # noqa: ANN401  a type, annotated or not
    """What msgspec decodes a value of the column to."""
    if column.type == "list":
        return Annotated[list[float], Meta(min_length=column.length, max_length=column.length)]
    return TYPES[column.type]


def finite(array: Array) -> Array:
    """Hold an array of floats to the range of its type; ValueError where a number was too large for it."""
    if np.isinf(array).any():
        raise ValueError
    return array


def moment(value: datetime) -> str:
    """A moment as training saw it: without a zone, to the microsecond; ValueError for one of another zone than UTC."""
    if value.utcoffset():
        raise ValueError
    return value.replace(tzinfo=None).isoformat(timespec="microseconds")


def _number(_: Column, values: Values, __: str) -> Array:
    return finite(np.array(values, np.float32)).reshape(-1, 1)


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
    return finite(np.array([absent if one is None else one for one in values], np.float32))


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
