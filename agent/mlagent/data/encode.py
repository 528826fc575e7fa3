"""From columns to the numbers a model takes: numbers stay, a category becomes one column for each that training saw."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl


class Encoding(msgspec.Struct, frozen=True):
    """One column: a number where `categories` is empty, else a 1 for the category a row has (none for one unknown)."""

    column: str
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features that it becomes."""
        return tuple(f"{self.column}={one}" for one in self.categories) or (self.column,)


class Shape(msgspec.Struct, frozen=True):
    """What a model takes and gives: `features` numbers a row, named `columns`, and one of `classes`."""

    columns: tuple[str, ...]
    features: int
    classes: int
    encoding: tuple[Encoding, ...]


def fit(train: pl.DataFrame, classes: int) -> Shape:
    """Choose the categories by the training part alone, in the order of their names."""
    encoding = tuple(
        Encoding(one.name, tuple(one.drop_nulls().unique().sort().to_list()))
        if one.dtype == pl.String
        else Encoding(one.name)
        for one in train.get_columns()
    )
    columns = tuple(name for one in encoding for name in one.names)
    return Shape(columns, len(columns), classes, encoding)


def apply(shape: Shape, rows: pl.DataFrame) -> np.ndarray:
    """Rows as float32 (rows, features), C-contiguous."""
    return np.ascontiguousarray(np.hstack([_numbers(one, rows.get_column(one.column)) for one in shape.encoding]))


def _numbers(one: Encoding, values: pl.Series) -> np.ndarray:
    if not one.categories:
        return values.cast(pl.Float32).to_numpy().reshape(-1, 1)
    columns: Sequence[np.ndarray] = [
        (values == category).fill_null(value=False).cast(pl.Float32).to_numpy() for category in one.categories
    ]
    return np.stack(columns, axis=1)
