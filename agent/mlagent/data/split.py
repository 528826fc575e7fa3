"""Divides rows by their own content, so that the same row is always in the same part, whatever stands around it."""

from pathlib import Path
from typing import Literal

import numpy as np

from mlagent.config.sections import Data
from mlagent.data.table import Table
from mlagent.errors import InputError

Part = Literal["train", "validation", "test"]
LEAST_ROWS = 10


def row_hash(table: Table) -> np.ndarray:
    """uint64 (rows,): a hash of each row's features and target, equal for equal rows (splitmix64 over the columns)."""
    mixed = np.full(len(table.target), 0x9E3779B97F4A7C15, dtype=np.uint64)
    columns = [*(table.features[:, index] for index in range(table.features.shape[1])), table.target]
    for column in columns:
        bits = (column.astype(np.float64) + 0.0).view(np.uint64)  # adding 0.0 makes -0.0 equal 0.0
        mixed = _splitmix(mixed ^ bits)
    return mixed


def parts(table: Table, data: Data) -> dict[Part, Table]:
    """Divide into train, validation and test; equal rows fall together; InputError when a part is too small."""
    place = row_hash(table).astype(np.float64) / 2.0**64
    masks: dict[Part, np.ndarray] = {
        "test": place < data.test,
        "validation": (place >= data.test) & (place < data.test + data.validation),
        "train": place >= data.test + data.validation,
    }
    for name, mask in masks.items():
        if mask.sum() < LEAST_ROWS:
            raise InputError(
                f"the {name} part would hold {mask.sum()} of {len(place)} rows; at least {LEAST_ROWS} are needed",
                hint="bring more rows, or change data.validation and data.test; equal rows always fall together",
            )
    return {
        name: Table(table.columns, table.features[mask], table.target[mask], table.classes)
        for name, mask in masks.items()
    }


def save(part: Table, path: Path) -> None:
    """Write a part for the worker: npz with `features` float32 (rows, columns) and `target` int64 (rows,)."""
    np.savez(path, features=part.features, target=part.target)


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a part back as (features, target)."""
    with np.load(path) as file:
        return file["features"], file["target"]


def _splitmix(value: np.ndarray) -> np.ndarray:
    mixed: np.ndarray = value + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
