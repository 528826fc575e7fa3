"""Made-up inputs, to time a model with; and what its shapes let requests choose."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from mlagent.serving.metadata import Array, Model, Tensor

_WORDS = ("", "a")


def made(tensors: Sequence[Tensor], rows: int, *, varied: bool) -> Mapping[str, Array]:
    """Arrays of so many rows, where requests choose that; what else is free is 1 wide.

    `varied`: no two rows next to each other are equal; else all is 0, false and ''.
    """
    return {one.name: _array(one, rows, varied=varied) for one in tensors}


def _array(tensor: Tensor, rows: int, *, varied: bool) -> Array:
    """Two rows, over and over: to make up more would take longer than a quick model does."""
    sizes = [size if isinstance(size, int) else 1 for size in tensor.dimensions]
    if tensor.dimensions and isinstance(tensor.dimensions[0], str):
        sizes[0] = rows
    kind = tensor.datatype.dtype
    if not varied:
        return np.full(sizes, "" if kind.kind == "O" else 0, kind)
    return np.resize(_two(prod(sizes[1:]), kind), sizes)


def _two(columns: int, kind: np.dtype[np.generic]) -> Array:
    """The values of two rows that differ everywhere."""
    if kind.kind == "f":
        normal: Array = np.random.default_rng(1).normal(size=2 * columns).astype(kind)
        return normal
    at = (np.arange(2 * columns) + np.repeat([0, 1 - columns % 2], columns)) % 2
    values: Array = np.array(_WORDS, kind)[at] if kind.kind == "O" else at.astype(kind)
    return values


def rows_are_free(model: Model) -> bool:
    """Whether requests choose the number of rows, as the first dimension of all inputs and outputs, and of it alone."""
    every = [*model.inputs, *model.outputs]
    rows = {one.dimensions[0] for one in model.inputs if one.dimensions}
    columns = {size for one in every for size in one.dimensions[1:] if size}
    return len(rows) == 1 and not rows & columns and all(isinstance((*one.dimensions, 1)[0], str) for one in every)


def rows_tell(model: Model) -> bool:
    """Whether requests choose nothing but the number of rows: then that says how large they are."""
    every = [one.dimensions for one in model.inputs]
    first = [size for one in every for size in one[:1] if isinstance(size, str)]
    named = len(set(first)) <= 1 and ("" not in first or len(every) == 1)
    return named and not any(isinstance(size, str) for one in every for size in one[1:])
