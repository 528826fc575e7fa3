"""The values of a column as groups of rows."""

import numpy as np
import polars as pl

from mlagent.data.encode import MISSING
from mlagent.data.lists import sizes
from mlagent.data.schema import Column

FEW = 12  # different numbers that are groups by themselves
BANDS = 4


def labels(values: pl.Series) -> np.ndarray:
    """A text (rows,) for each value; of more than 12 different numbers or dates the quarter of the rows it is in.

    A list counts by its Euclidean length.
    """
    values = sizes(values)
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        there = values.drop_nulls()
        named = values.cast(pl.String) if there.n_unique() <= FEW else _bands(values, there)
    else:
        named = values.cast(pl.String)
    return named.fill_null(MISSING).to_numpy().astype(str)


def _bands(values: pl.Series, there: pl.Series) -> pl.Series:
    ordered = there.sort()
    edges = [ordered[len(ordered) * part // BANDS] for part in range(1, BANDS)]
    lows = pl.Series([ordered[0], *edges]).unique().sort()
    names = [f"{_shown(lows[at])} to below {_shown(lows[at + 1])}" for at in range(len(lows) - 1)]
    names.append(f"{_shown(lows[-1])} to {_shown(ordered[-1])}")
    band = lows.search_sorted(values.fill_null(ordered[0]), side="right") - 1
    named = pl.Series(names).gather(band)
    return named.set(values.is_null(), None)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def masked(named: np.ndarray) -> np.ndarray:
    """`group 1`, `group 2` … in the place of the values of a sensitive column (rows,), by falling number of rows."""
    _, codes, counts = np.unique(named, return_inverse=True, return_counts=True)
    shown = np.empty(len(counts), dtype=object)
    shown[np.argsort(-counts, kind="stable")] = [f"group {place + 1}" for place in range(len(counts))]
    return shown[codes].astype(str)


def absent(column: Column | None, found: np.ndarray) -> tuple[str, ...]:
    """Values that the schema allows and no row has."""
    allowed = column.values if column and column.values else ()
    known = {str(one) for one in allowed}
    return tuple(sorted(known - set(found.tolist())))
