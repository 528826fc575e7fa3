"""Divides rows by key, group, time, given files or their own content, and looks for what leaks across."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from mlagent.config.sections import Data
from mlagent.data.lists import spread
from mlagent.data.mixing import splitmix
from mlagent.data.table import FILE, Table
from mlagent.errors import InputError
from mlagent.measure.giveaway import explained, given_away

Part = Literal["train", "validation", "test"]
Masks = dict[Part, np.ndarray]
LEAST_ROWS = 10
LOOKED_AT = 50_000


class Leaks(msgspec.Struct, frozen=True):
    """`crossing`: rows of the other parts whose key (or, without one, whose features) the training part holds too.

    `giveaways`: for each column how much of the target, class or number, it gives away by itself, from 0 to 1; for a
    list as much as the item that gives most.
    """

    crossing: int
    others: int
    giveaways: dict[str, float]


def parts(table: Table, data: Data) -> Masks:
    """A mask (rows,) for each part; InputError when a part is too small."""
    masks = _divide(table, data)
    for name, mask in masks.items():
        if mask.sum() < LEAST_ROWS:
            raise InputError(
                f"the {name} part would hold {mask.sum()} of {len(mask)} rows; at least {LEAST_ROWS} are needed",
                hint="bring more rows, or change data.validation and data.test; equal rows always fall together",
            )
    return masks


def _divide(table: Table, data: Data) -> Masks:
    if data.test_path:
        return _given(table, data)
    if data.time:
        return _by_time(table.beside.get_column(data.time), data)
    return _by_place(_place(table, data), data.test, data.validation)


def _place(table: Table, data: Data) -> np.ndarray:
    """A number from 0 to 1 for each row: the same for rows that belong together."""
    column = data.group or data.key
    hashed = row_hash(table) if column is None else mixed([table.beside.get_column(column)])
    return hashed.astype(np.float64) / 2.0**64


def _by_place(place: np.ndarray, test: float, validation: float) -> Masks:
    return {
        "test": place < test,
        "validation": (place >= test) & (place < test + validation),
        "train": place >= test + validation,
    }


def _by_time(times: pl.Series, data: Data) -> Masks:
    """The newest rows test, those before them choose; rows of one moment fall together."""
    if times.null_count():
        raise InputError(
            f"{times.null_count()} rows have no {times.name} (data.time)", hint="fill it, or divide by a key instead"
        )
    ranks = times.rank("max").to_numpy() / len(times)
    return {
        "test": ranks > 1 - data.test,
        "validation": (ranks > 1 - data.test - data.validation) & (ranks <= 1 - data.test),
        "train": ranks <= 1 - data.test - data.validation,
    }


def _given(table: Table, data: Data) -> Masks:
    """Parts by file; without a file for validation a share of the training file's rows is taken."""
    origin = table.beside.get_column(FILE).to_numpy()
    masks: Masks = {"test": origin == "test", "validation": origin == "validation", "train": origin == ""}
    if not data.validation_path:
        chosen = (_place(table, data) < data.validation) & masks["train"]
        masks |= {"validation": chosen, "train": masks["train"] & ~chosen}
    return masks


def leaks(table: Table, masks: Masks, data: Data) -> Leaks:
    """Look for rows that stand on both sides, and for columns that hold the answer."""
    seen = mixed([table.beside.get_column(data.key)]) if data.key else mixed(table.features.get_columns())
    others = ~masks["train"]
    crossing = np.isin(seen[others], seen[masks["train"]]).sum()
    chosen = np.flatnonzero(masks["train"])[:LOOKED_AT]
    target = table.target[chosen]
    measure = given_away if data.kind == "classification" else explained
    found = {
        one.name: max(measure(_codes(part), target) for part in spread([one.gather(chosen)]))
        for one in table.features.get_columns()
    }
    return Leaks(int(crossing), int(others.sum()), found)


def _codes(values: pl.Series) -> np.ndarray:
    """Numbers that stand for values; an absent one is a value below all others."""
    if values.dtype == pl.String:
        values = values.cast(pl.Categorical).to_physical()
    numbers = values.to_physical().cast(pl.Float64)
    return numbers.fill_null((numbers.min() or 0) - 1).to_numpy()  # type: ignore[operator]


def row_hash(table: Table) -> np.ndarray:
    """uint64 (rows,): a hash of each row's features and target, equal for equal rows."""
    return mixed([*table.features.get_columns(), pl.Series("target", table.target)])


def mixed(columns: list[pl.Series]) -> np.ndarray:
    """uint64 (rows,): splitmix64 over the columns; the same on every machine and with every version of polars."""
    found = np.full(len(columns[0]), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for column in spread(columns):
        found = splitmix(found ^ _bits(column))
    return found


def _bits(column: pl.Series) -> np.ndarray:
    if column.dtype == pl.String:
        names = column.unique()
        hashes = [_of_text(name) for name in names]
        return column.replace_strict(names, pl.Series(hashes, dtype=pl.UInt64), return_dtype=pl.UInt64).to_numpy()
    numbers = column.cast(pl.Int64 if column.dtype.is_temporal() else pl.Float64).cast(pl.Float64).to_numpy()
    return np.asarray((numbers + 0.0).view(np.uint64))  # adding 0.0 makes -0.0 equal 0.0


def _of_text(text: str | None) -> int:
    return int.from_bytes(hashlib.blake2b((text or "").encode(), digest_size=8).digest(), "little")


def save(features: np.ndarray, target: np.ndarray, path: Path) -> None:
    """Write a part for the worker: npz with `features` float32 (rows, columns), `target` int64 or float32 (rows,)."""
    np.savez(path, features=features, target=target)


def save_rows(part: Table, target: str, path: Path) -> None:
    """Write the raw rows of a part as Parquet: features, what stands beside them, and the target."""
    rows = pl.concat([part.features, part.beside.drop(FILE)], how="horizontal")
    rows.with_columns(pl.Series(target, part.target)).write_parquet(path)


def load_rows(path: Path) -> pl.DataFrame:
    """Read them back."""
    return pl.read_parquet(path)


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a part back as (features, target)."""
    with np.load(path) as file:
        return file["features"], file["target"]
