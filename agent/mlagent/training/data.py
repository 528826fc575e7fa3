"""Data as tensors, checked once on the way in, so that a NaN later on can only be the model's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from mlagent.training.faults import InputFault
from mlagent.training.requests import Kind

_HINT = (
    "make the data again; an npz needs finite `features` float32 (n, d) and `target` (n,): int64 classes, or float32"
)


@dataclass(frozen=True)
class Rows:
    """`features` float32 (n, d) and `target` (n,), int64 classes or float32, on one device."""

    features: Tensor
    target: Tensor

    def to(self, device: torch.device) -> "Rows":
        """Give the same rows on another device."""
        return Rows(self.features.to(device), self.target.to(device))


def read_rows(path: Path, kind: Kind, classes: int) -> Rows:
    """Read labelled rows; InputFault when an array is not as agreed.

    A class is one of 0 .. classes - 1, a number is finite, and a count is whole and not below 0.
    """
    arrays = _arrays(path, ("features", "target"))
    features, target = _features(path, arrays["features"]), arrays["target"]
    wanted = np.int64 if kind == "classification" else np.float32
    if target.dtype != wanted or target.shape != (len(features),):
        raise _wrong(path, f"target is {target.dtype} {target.shape}, not {np.dtype(wanted)} ({len(features)},)")
    if kind == "classification" and (target.min() < 0 or target.max() >= classes):
        raise _wrong(path, f"target runs from {target.min()} to {target.max()}, outside 0 .. {classes - 1}")
    _refuse_any(path, target, ~np.isfinite(target), "not finite")
    if kind == "count":
        _refuse_any(path, target, (target < 0) | (target % 1 != 0), "no count")
    return Rows(features, torch.from_numpy(target))


def read_features(path: Path, features: int) -> Tensor:
    """Read unlabelled rows, float32 (n, features); InputFault when they are of another width."""
    rows = _features(path, _arrays(path, ("features",))["features"])
    if rows.shape[1] != features:
        raise _wrong(path, f"features has {rows.shape[1]} columns, not {features}")
    return rows


def same_width(train: Path, rows: Rows, validation: Path, others: Rows) -> None:
    """Refuse a validation set whose columns are not the training set's."""
    if rows.features.shape[1] != others.features.shape[1]:
        raise _wrong(
            validation, f"{others.features.shape[1]} feature columns, but {train.name} has {rows.features.shape[1]}"
        )


def _arrays(path: Path, names: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """Load the named arrays; pickled objects are refused by numpy."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, TypeError) as error:
        raise _wrong(path, str(error) or type(error).__name__) from error


def _features(path: Path, array: np.ndarray) -> Tensor:
    matrix = 2
    if array.dtype != np.float32 or array.ndim != matrix or 0 in array.shape:
        raise _wrong(path, f"features is {array.dtype} {array.shape}, not float32 (n, d) with rows and columns")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise _wrong(path, f"features holds {array[row, column]} in row {row}, column {column} (from 0)")
    return torch.from_numpy(array)


def _refuse_any(path: Path, target: np.ndarray, bad: np.ndarray, what: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise _wrong(path, f"target holds {target[row]} in row {row} (from 0), which is {what}")


def _wrong(path: Path, what: str) -> InputFault:
    return InputFault(f"{path.name}: {what}", hint=_HINT)
