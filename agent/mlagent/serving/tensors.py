"""JSON values to numpy arrays and back, losing nothing without a word."""

import math
from functools import cache
from typing import Any

import msgspec
import numpy as np

from mlagent.serving.datatypes import Datatype
from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array, Tensor

_LIST = ord("[")
_SPACE = b" \t\r\n"


def to_array(tensor: Tensor, shape: tuple[int, ...], data: msgspec.Raw) -> Array:
    """Decode `data`, flat or nested as `shape` (row-major), as an array of the tensor's type; Refused (400)."""
    depth = _depth(memoryview(data))
    if depth not in {1, len(shape)}:
        raise Refused(400, f"input {tensor.name!r}: its data must be a flat list, or nested {len(shape)} deep")
    try:
        values = _decoder(tensor.datatype, depth).decode(data)
        with np.errstate(over="ignore"):
            array: Array = np.array(values, dtype=tensor.datatype.dtype)
    except (ValueError, OverflowError) as error:  # msgspec's errors are ValueErrors
        raise Refused(
            400, f"input {tensor.name!r}: its data must be {tensor.datatype.name} values, row by row: {error}"
        ) from error
    _check(tensor, shape, array, depth)
    return array.reshape(shape)


def from_array(tensor: Tensor, array: Array) -> list[object]:
    """Give the elements, flat and row-major; Refused (500) where JSON has no number for one (NaN, infinities)."""
    refuse_not_finite(tensor.name, array)
    return list(array.ravel().tolist())


def refuse_not_finite(name: str, array: Array) -> None:
    """Refused (500) where an answer has NaN or infinity, since JSON has no number for them."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refused(500, f"the model answered with NaN or infinity in {name!r}, which JSON cannot carry")


def _check(tensor: Tensor, shape: tuple[int, ...], array: Array, depth: int) -> None:
    count = math.prod(shape)
    if array.ndim != depth or (depth > 1 and array.shape != shape):
        raise Refused(400, f"input {tensor.name!r}: its nested data is not of the shape {list(shape)} it names")
    if array.size != count:
        raise Refused(
            400, f"input {tensor.name!r}: its data holds {array.size} values; the shape {list(shape)} means {count}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refused(400, f"input {tensor.name!r}: a value is too large for {tensor.datatype.name}")


def _depth(raw: memoryview) -> int:
    """Count the lists around the first element; 0 for what is no list."""
    depth = 0
    for byte in raw:
        if byte == _LIST:
            depth += 1
        elif byte not in _SPACE:
            break
    return depth


@cache
def _decoder(datatype: Datatype, depth: int) -> msgspec.json.Decoder[list[object]]:
    kind: Any = datatype.json
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind)
