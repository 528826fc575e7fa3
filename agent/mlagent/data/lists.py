"""Columns of lists of numbers: as a matrix, as columns of their items, and by their size."""

import numpy as np
import polars as pl


def of_numbers(dtype: pl.DataType) -> bool:
    """Whether it is one of lists, of one length or several, whose items are numbers."""
    return isinstance(dtype, pl.List | pl.Array) and dtype.inner.is_numeric()


def whole_items(dtype: pl.DataType) -> bool:
    """Whether it is one of lists of whole numbers."""
    return isinstance(dtype, pl.List | pl.Array) and dtype.inner.is_integer()


def longest(values: pl.Series) -> int:
    """The most items that a list has; 0 where none is there."""
    return int(values.list.len().max() or 0)  # type: ignore[arg-type]


def matrix(values: pl.Series, length: int) -> np.ndarray:
    """Lists as float32 (rows, length), NaN where one is absent; polars' error where one is of another length."""
    found: np.ndarray = values.cast(pl.List(pl.Float32)).list.to_array(length).to_numpy()
    return found


def spread(columns: list[pl.Series]) -> list[pl.Series]:
    """The same columns, each of lists replaced by one for each place in them."""
    return [
        part
        for one in columns
        for part in (
            (one.list.get(place, null_on_oob=True) for place in range(longest(one)))
            if isinstance(one.dtype, pl.List)
            else (one,)
        )
    ]


def sizes(values: pl.Series) -> pl.Series:
    """The Euclidean length of each list, by its items that are there; other columns as they are."""
    if not isinstance(values.dtype, pl.List):
        return values
    return values.list.eval(pl.element().cast(pl.Float64) ** 2).list.sum().sqrt()
