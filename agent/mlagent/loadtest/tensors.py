"""Requests made up from what a model says of its inputs: by datatype and shape, the same for the same seed (pure)."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from mlagent.errors import InputError
from mlagent.loadtest.stranger import Port

MOST_VALUES = 4_000_000  # of all requests together: they are kept in memory, as text
WORDS = ("a", "b", "c", "red", "green", "blue", "north", "south", "yes", "no")
TEN = 10
_HINT = "--body FILE holds a request that it takes, --golden FILE several with their answers"


def requests(inputs: Sequence[Port], number: int, seed: int) -> list[dict[str, Any]]:
    """So many bodies for `POST …/infer`, fewer where they are large; free dimensions are 1.

    InputError (4) where it names no input, or one of a datatype that is none of the protocol's.
    """
    if not inputs:
        raise InputError("the model does not say what it takes", hint=_HINT)
    each = sum(_size(one) for one in inputs)
    if each > MOST_VALUES:
        raise InputError(f"one request would hold {each} values, more than {MOST_VALUES}", hint=_HINT)
    random = np.random.default_rng(seed)
    return [
        {"inputs": [_tensor(one, random) for one in inputs]}
        for _ in range(max(1, min(number, MOST_VALUES // max(each, 1))))
    ]


def _tensor(port: Port, random: np.random.Generator) -> dict[str, Any]:
    make = _KINDS.get(port.datatype)
    if make is None:
        known = ", ".join(_KINDS)
        raise InputError(f"input {port.name!r} is of {port.datatype}, which is none of {known}", hint=_HINT)
    data = make(random, _size(port))
    return {"name": port.name, "datatype": port.datatype, "shape": _shape(port), "data": data}


def _shape(port: Port) -> list[int]:
    return [max(one, 1) if one < 0 else one for one in port.shape]


def _size(port: Port) -> int:
    return prod(_shape(port))


def _numbers(random: np.random.Generator, size: int) -> list[float]:
    """Around nothing, as scaled columns and pixels are; short in text."""
    return [round(one, 4) for one in random.normal(size=size).tolist()]


def _whole(random: np.random.Generator, size: int) -> list[int]:
    """Small, for they may be places in a table."""
    return list(map(int, random.integers(0, TEN, size)))


def _flags(random: np.random.Generator, size: int) -> list[bool]:
    return list(map(bool, random.integers(0, 2, size)))


def _words(random: np.random.Generator, size: int) -> list[str]:
    return [WORDS[one] for one in random.integers(0, len(WORDS), size)]


_Make = Callable[[np.random.Generator, int], Sequence[Any]]
_KINDS: Mapping[str, _Make] = {
    "BOOL": _flags,
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), _whole),
    **dict.fromkeys(("FP16", "FP32", "FP64", "BF16"), _numbers),
    "BYTES": _words,
}
