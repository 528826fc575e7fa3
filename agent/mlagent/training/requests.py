"""A request as typed, frozen data: what is not in the contract is refused before anything starts."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from mlagent.training.faults import RequestFault

_HINT = "the caller of `python -m mlagent.training` wrote a wrong request; the contract is in mlagent.training"
_WORDS: Mapping[object, str] = {Path: "an absolute path", str: "text", int: "a whole number", float: "a number"}
Kind = Literal["classification", "regression", "count"]
_AT_LEAST: Mapping[str, float] = {
    "classes": 0, "features": 1, "epochs": 1, "batch_size": 1, "learning_rate": 0.0, "weight_decay": 0.0,
    "seed": 0, "threads": 0, "opset": 18, "shown": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """Fit the team's model: `learning_rate` and `weight_decay` are AdamW's; `threads` 0 leaves torch's choice."""

    project: Path
    model: str
    output: Path
    train: Path
    validation: Path
    kind: Kind
    classes: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """Turn a checkpoint into ONNX and say what PyTorch answers for the rows of `probe`; `shape` is shape.json."""

    project: Path
    model: str
    output: Path
    checkpoint: Path
    probe: Path
    shape: Path
    features: int
    kind: Kind
    classes: int
    opset: int


@dataclass(frozen=True, kw_only=True)
class RowsRequest:
    """Run the team's pandera `schema` (checks.py:name) over the files of `listing`, and show `shown` rows a check."""

    project: Path
    schema: str
    output: Path
    listing: Path
    shown: int


Request = TrainRequest | ExportRequest | RowsRequest
_TASKS: Mapping[str, type[TrainRequest] | type[ExportRequest] | type[RowsRequest]] = {
    "train": TrainRequest,
    "export": ExportRequest,
    "rows": RowsRequest,
}


def read(path: Path) -> Mapping[str, object]:
    """Read a request file as a plain mapping; RequestFault when it is not there or not a JSON object."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RequestFault(f"the request {path.name} cannot be read: {error}", hint=_HINT) from error
    if not isinstance(values, dict):
        raise RequestFault(f"the request {path.name} holds a {type(values).__name__}, not an object", hint=_HINT)
    return values


def parse(values: Mapping[str, object]) -> Request:
    """Check every key, type and bound; RequestFault names the key that is wrong."""
    task = values.get("task")
    kind = _TASKS.get(task) if isinstance(task, str) else None
    if kind is None:
        raise RequestFault(f"the request's task is {task!r}; it is one of {', '.join(_TASKS)}", hint=_HINT)
    wanted = {field.name for field in fields(kind)}
    _refuse("lacks", wanted - values.keys())
    _refuse("has the unknown key", values.keys() - wanted - {"task"})
    types = get_type_hints(kind)
    checked: dict[str, Any] = {name: _value(name, types[name], values[name]) for name in sorted(wanted)}
    _fitting(checked)
    return kind(**checked)


def output_of(values: Mapping[str, object]) -> Path:
    """Give the folder in which outputs and error.json go; RequestFault when it is not an absolute, existing one."""
    output = _value("output", Path, values.get("output"))
    if not isinstance(output, Path) or not output.is_dir():
        raise RequestFault(f"the request's output is no folder: {output}", hint=_HINT)
    return output


def _fitting(checked: Mapping[str, Any]) -> None:
    """Hold `classes` to what the kind of target asks for: two or more, or none."""
    kind, classes = checked.get("kind"), checked.get("classes", 0)
    if kind == "classification" and classes < 2:
        raise RequestFault(f"the request's classes is {classes}; the least is 2", hint=_HINT)
    if kind in ("regression", "count") and classes:
        raise RequestFault(f"the request's classes is {classes}; for a {kind} it is 0", hint=_HINT)


def _refuse(what: str, names: set[str]) -> None:
    if names:
        raise RequestFault(f"the request {what} {', '.join(sorted(names))}", hint=_HINT)


def _value(name: str, kind: object, value: object) -> Path | str | float:
    """One value in its declared type: an int may stand for a float, a bool for neither."""
    if kind is Path and isinstance(value, str) and Path(value).is_absolute():
        return Path(value)
    choices = get_args(kind)
    if choices and value in choices:
        return str(value)
    if kind is str and isinstance(value, str):
        return value
    if kind in (int, float) and isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool):
        return _bounded(name, value)
    wanted = f"one of {', '.join(choices)}" if choices else _WORDS[kind]
    raise RequestFault(f"the request's {name} is {value!r}; it must be {wanted}", hint=_HINT)


def _bounded(name: str, value: float) -> float:
    """Refuse what is not finite or is below the least value of its key."""
    least = _AT_LEAST[name]
    if not math.isfinite(value) or value < least:
        raise RequestFault(f"the request's {name} is {value}; the least is {least:g}", hint=_HINT)
    if name == "learning_rate" and value == 0:
        raise RequestFault(f"the request's {name} is {value}; it must be above 0", hint=_HINT)
    return value
