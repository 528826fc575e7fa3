"""What the rows look like, column by column, in few numbers: kept when they pass, compared with when new ones come."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from mlagent.data.lists import sizes
from mlagent.data.schema import Schema
from mlagent.measure import distance
from mlagent.measure.profile import ColumnProfile, Profile

BINS = 10
MOST_CATEGORIES = 1000


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How a column differs from the one accepted last; the lists are of categories, the commonest first."""

    psi: float
    null_share: float
    null_share_before: float
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


def of_sample(sample: pl.DataFrame, rows: int, schema: Schema) -> Profile:
    """Profile every column that the schema names and does not call sensitive."""
    names = [name for name in schema.columns if name in sample.columns and name not in schema.sensitive]
    columns = {
        name: msgspec.structs.replace(_column(sample.get_column(name)), kind=schema.columns[name].type)
        for name in names
    }
    return Profile(rows=rows, sampled=sample.height, columns=columns)


def held_to(before: Profile, seen: Schema) -> Schema:
    """The types that rows show, but where texts stand now that were none before: there the words are the mistake."""
    were = {name: one.kind for name, one in before.columns.items() if one.kind}
    columns = {
        name: msgspec.structs.replace(one, type=were.get(name, "text")) if one.type == "text" else one
        for name, one in seen.columns.items()
    }
    return msgspec.structs.replace(seen, columns=columns)


def compare(before: Profile, sample: pl.DataFrame, columns: Sequence[str]) -> dict[str, Moved]:
    """Each column that both have, by the bins of `before`."""
    both = [name for name in columns if name in before.columns and name in sample.columns]
    return {name: _moved(before.columns[name], sample.get_column(name)) for name in both}


def _column(values: pl.Series) -> ColumnProfile:
    nulls = values.null_count()
    if values.dtype in (pl.String, pl.Boolean):
        counted = values.drop_nulls().cast(pl.String).alias("value").value_counts(sort=True)
        if counted.height <= MOST_CATEGORIES:
            return ColumnProfile(
                rows=len(values), nulls=nulls, categories=dict(counted.sort(counted.columns).iter_rows())
            )
    by_length = values.dtype == pl.String
    numbers = numbers_of(values)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1])) if len(numbers) else np.empty(0)
    counts = _counts(numbers, edges)
    return ColumnProfile(
        rows=len(values), nulls=nulls, edges=tuple(edges.tolist()), counts=tuple(counts.tolist()), by_length=by_length
    )


def _moved(before: ColumnProfile, values: pl.Series) -> Moved:
    nulls = values.null_count() / len(values) if len(values) else float("nan")
    if not before.categories:
        counts = _counts(numbers_of(values), np.array(before.edges))
        psi = distance.psi(np.array(before.counts), counts)
        return Moved(psi=psi, null_share=nulls, null_share_before=before.null_share)
    counted = dict(values.drop_nulls().cast(pl.String).alias("value").value_counts(sort=True).iter_rows())
    names = list({**before.categories, **counted})
    psi = distance.psi(*(np.array([one.get(name, 0) for name in names]) for one in (before.categories, counted)))
    return Moved(
        psi=psi,
        null_share=nulls,
        null_share_before=before.null_share,
        appeared=tuple(name for name in counted if name not in before.categories),
        vanished=tuple(name for name in before.categories if name not in counted),
    )


def numbers_of(values: pl.Series) -> np.ndarray:
    """Finite numbers of a column: dates as days, text as its length, lists as their Euclidean length."""
    values = sizes(values.drop_nulls())
    if values.dtype == pl.String:
        values = values.str.len_chars()
    elif values.dtype.is_temporal():
        values = values.cast(pl.Datetime("us")).cast(pl.Int64) / 86_400_000_000
    numbers = values.cast(pl.Float64).to_numpy()
    return np.asarray(numbers[np.isfinite(numbers)])


def _counts(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many numbers lie at or below each edge and above the one before, and above all."""
    return np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1)
