"""A request as typed, frozen data: what is not in the contract is refused before anything starts."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mlagent.training.faults import RequestFault

_HINT = "the caller of `python -m mlagent.training` wrote a wrong request; the contract is in mlagent.training"
_WORDS: Mapping[object, str] = {
    Path: "an absolute path", str: "text", int: "a whole number", float: "a number",
    bool: "true or false", dict: "an object", list: "a list",
}  # fmt: skip
Kind = Literal["classification", "regression", "count"]
Precision = Literal["fp32", "fp16", "int8"]
Device = Literal["auto", "cpu", "cuda"]
_AT_LEAST: Mapping[str, float] = {
    "classes": 0, "features": 1, "epochs": 1, "batch_size": 1, "learning_rate": 0.0, "weight_decay": 0.0,
    "seed": 0, "threads": 0, "opset": 18, "shown": 1, "accumulate": 1, "clip_norm": 0.0, "warmup_steps": 0,
    "patience": 0, "checkpoint_steps": 0, "checkpoint_minutes": 0.0, "keep_checkpoints": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """Fit the team's model: `learning_rate` and `weight_decay` are AdamW's; `threads` 0 leaves torch's choice.

    `checkpoints` is a folder that exists: what an interrupted attempt left there is gone on from. A `clip_norm`,
    `patience`, `checkpoint_steps` or `checkpoint_minutes` of 0 is none.
    """

    project: Path
    model: str
    output: Path
    checkpoints: Path
    train: Path
    validation: Path
    kind: Kind
    classes: int
    epochs: int
    batch_size: int
    accumulate: int
    learning_rate: float
    schedule: Literal["constant", "linear", "cosine"]
    warmup_steps: int
    weight_decay: float
    clip_norm: float
    class_weights: Literal["none", "balanced"]
    patience: int
    device: Device
    precision: Literal["fp32", "bf16", "fp16"]
    deterministic: bool
    seed: int
    threads: int
    checkpoint_steps: int
    checkpoint_minutes: float
    keep_checkpoints: int


@dataclass(frozen=True, kw_only=True)
class ScriptRequest:
    """Run the team's own `script`; `params` are its own hyperparameters, as they stand in the configuration."""

    project: Path
    script: str
    model: str
    output: Path
    checkpoints: Path
    train: Path
    validation: Path
    shape: Path
    kind: Kind
    classes: int
    device: Device
    seed: int
    threads: int
    params: dict[str, object]


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
    precision: Precision
    variants: list[str]


@dataclass(frozen=True, kw_only=True)
class OwnRequest:
    """Hold the team's own ONNX file to what ships, behind the encoding of `shape` where it takes features."""

    output: Path
    onnx: Path
    shape: Path
    kind: Kind
    classes: int


@dataclass(frozen=True, kw_only=True)
class RowsRequest:
    """Run the team's pandera `schema` (checks.py:name) over the files of `listing`, and show `shown` rows a check."""

    project: Path
    schema: str
    output: Path
    listing: Path
    shown: int


Request = TrainRequest | ScriptRequest | ExportRequest | OwnRequest | RowsRequest
_TASKS: Mapping[str, type[Request]] = {
    "train": TrainRequest,
    "script": ScriptRequest,
    "export": ExportRequest,
    "own": OwnRequest,
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


def _value(name: str, kind: object, value: object) -> Any:  # noqa: ANN401 - of the declared type
    """One value in its declared type: an int may stand for a float, a bool for neither."""
    if kind is Path and isinstance(value, str) and Path(value).is_absolute():
        return Path(value)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if choices and value in choices:
        return value
    plain = get_origin(kind) or kind
    if plain in (str, bool, dict, list) and type(value) is plain:
        return value
    if kind in (int, float) and isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool):
        return _bounded(name, value)
    wanted = f"one of {', '.join(choices)}" if choices else _WORDS[plain]
    raise RequestFault(f"the request's {name} is {value!r}; it must be {wanted}", hint=_HINT)


def _bounded(name: str, value: float) -> float:
    """Refuse what is not finite or is below the least value of its key."""
    least = _AT_LEAST[name]
    if not math.isfinite(value) or value < least:
        raise RequestFault(f"the request's {name} is {value}; the least is {least:g}", hint=_HINT)
    if name == "learning_rate" and value == 0:
        raise RequestFault(f"the request's {name} is {value}; it must be above 0", hint=_HINT)
    return value
