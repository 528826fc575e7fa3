"""JSON values to numpy arrays and back, losing nothing without a word."""

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array, Tensor

LONGEST = 300  # characters of what a client sent, told back to it
_LIST = ord("[")
_INSIDE = b"[ \t\r\n"
_OPENING = re.compile(rb"[\[ \t\r\n]*")
_FAULT = (ValueError, OverflowError, RecursionError)  # msgspec's errors are ValueErrors


class Input:
    """One input of a model: holds what is sent for it to its type and shape; its decoders are made once."""

    def __init__(self, tensor: Tensor) -> None:
        """Make the decoders."""
        self.tensor, self.name, self.type_name = tensor, tensor.name, tensor.datatype.name
        self._dimensions, self._rank = tensor.dimensions, len(tensor.dimensions)
        self._dtype = tensor.datatype.dtype
        self._decoders = {depth: _decoder(tensor.datatype.element, depth) for depth in (1, self._rank)}

    def check(self, shape: tuple[int, ...], type_name: str, sizes: dict[str, tuple[int, str]]) -> None:
        """Refused (400) for another type or shape; `sizes` remembers this request's named dimensions, and by whom."""
        if type_name != self.type_name:
            raise Refused(400, f"input {self.name!r} is sent as {cut(type_name)}; the model takes {self.type_name}")
        if len(shape) != self._rank:
            raise self._misshapen(shape)
        for size, wanted in zip(shape, self._dimensions, strict=True):
            if size == wanted:
                continue
            if size < 1 or isinstance(wanted, int):
                raise self._misshapen(shape)
            if wanted:
                agreed, other = sizes.setdefault(wanted, (size, self.name))
                if size != agreed:
                    raise Refused(
                        400, f"input {self.name!r} has {size} as its {wanted!r}, but input {other!r} has {agreed}"
                    )

    def array(self, shape: tuple[int, ...], data: msgspec.Raw) -> Array:
        """Decode `data`, flat or nested as `shape` (row-major), as an array of the input's type; Refused (400)."""
        depth = _depth(memoryview(data))
        decode = self._decoders.get(depth)
        if decode is None:
            raise Refused(400, f"input {self.name!r}: its data must be a flat list, or nested {self._rank} deep")
        try:
            array: Array = np.array(decode(data), self._dtype)
        except _FAULT as error:
            array = self._pointed(depth, data, error)
        if array.shape == shape:
            return array
        if array.ndim != depth or depth > 1:
            raise Refused(400, f"input {self.name!r}: its nested data is not of the shape {list(shape)} it names")
        if array.size != math.prod(shape):
            raise Refused(
                400,
                f"input {self.name!r}: its data holds {array.size} values; "
                f"the shape {list(shape)} means {math.prod(shape)}",
            )
        return array.reshape(shape)

    def _misshapen(self, shape: tuple[int, ...]) -> Refused:
        told = cut(str(list(shape[:LONGEST])))
        return Refused(400, f"input {self.name!r} has shape {told}; the model takes {self.tensor.shape}")

    def _pointed(self, depth: int, data: msgspec.Raw, error: BaseException) -> Array:
        """Read whole numbers that some have a point, such as 3.0; Refused where it is not that which went wrong."""
        if self.tensor.datatype.json is not int or not isinstance(error, msgspec.ValidationError):
            raise self._undecodable(depth, data, error) from error
        try:
            found = np.array(_decoder(int | float, depth)(data), np.object_)
            return np.array([whole(one) for one in found.ravel().tolist()], self._dtype).reshape(found.shape)
        except (*_FAULT, TypeError):
            raise self._undecodable(depth, data, error) from error

    def _undecodable(self, depth: int, data: msgspec.Raw, error: BaseException) -> Refused:
        datatype = self.tensor.datatype
        of_form = isinstance(error, msgspec.ValidationError) and _decodes(_decoder(datatype.json, depth), data)
        if of_form and datatype.json is float:
            return Refused(400, f"input {self.name!r}: a value is too large for {datatype.name}")
        said = cut(str(error))
        return Refused(400, f"input {self.name!r}: its data must be {datatype.name} values, row by row: {said}")


def whole(value: float) -> int:
    """Give a number as whole: JSON does not tell 3.0 from 3; ValueError where it is not."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def refuse_not_finite(name: str, array: Array) -> None:
    """Refused (500) where an answer has NaN or infinity, since JSON has no number for them."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise not_finite(name)


def not_finite(name: str) -> Refused:
    """What is answered then."""
    return Refused(500, f"the model answered with NaN or infinity in {name!r}, which JSON cannot carry")


def cut(text: str) -> str:
    """Shorten what a client sent, so that its answer is not as long as its request."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _depth(raw: memoryview) -> int:
    """Count the lists around the first element; 0 for what is no list."""
    if not raw or raw[0] != _LIST:
        return 0
    if raw[1] not in _INSIDE:
        return 1
    opening = _OPENING.match(raw)
    return opening.group().count(b"[") if opening else 0


def _decoder(element: Any, depth: int) -> Callable[[Any], object]:  # noqa: ANN401  a type, annotated or not
    for _ in range(depth):
        element = list[element]
    return msgspec.json.Decoder(element).decode


def _decodes(decode: Callable[[Any], object], data: msgspec.Raw) -> bool:
    try:
        decode(data)
    except _FAULT:
        return False
    return True
