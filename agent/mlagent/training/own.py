"""The task `own`: a team's own ONNX file, held to what ships, behind the encoding where it takes encoded features."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

from mlagent.training import encoder, files, onnxfile
from mlagent.training.answers import ANSWERS
from mlagent.training.faults import TeamFault
from mlagent.training.requests import OwnRequest

OUTPUTS = ("model.onnx",)
_PAGE = "agent/docs/worker.md says what a script's own model.onnx must be"


def take(request: OwnRequest) -> dict[str, object]:
    """Write model.onnx and give result.json's content; TeamFault names what is not as it must be."""
    shape = json.loads(request.shape.read_bytes())
    try:
        model = onnxfile.clean(onnx.load(request.onnx))
    except Exception as error:
        raise TeamFault(f"model.onnx of the script is no whole ONNX file: {_first(error)}", hint=_PAGE) from error
    opset = onnxfile.opset_of(model)
    _held(model, ANSWERS[request.kind].name, request.classes or 1)
    if [one.name for one in _inputs(model)] == [onnxfile.INPUT]:
        _features(model, shape["features"])
        if shape["raw"]:
            model = _merged(model, shape["encoding"], opset)
    else:
        _columns(model, shape["encoding"] if shape["raw"] else [])
    with files.whole(request.output / "model.onnx") as file:
        file.write(model.SerializeToString(deterministic=True))
    return {"exporter": "own", "opset": opset, "onnx": onnx.__version__}


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What must be given: older files list their constants, too."""
    constants = {one.name for one in model.graph.initializer}
    return [one for one in model.graph.input if one.name not in constants]


def _held(model: onnx.ModelProto, name: str, width: int) -> None:
    outputs = {one.name: one for one in model.graph.output}
    if name not in outputs:
        raise TeamFault(f"model.onnx of the script answers {', '.join(outputs)}, not {name}", hint=_PAGE)
    _tensor(outputs[name], TensorProto.FLOAT, width)
    if not onnxfile.free_batch(model):
        raise TeamFault("model.onnx of the script takes only one batch size", hint="leave its first dimension free")


def _features(model: onnx.ModelProto, width: int) -> None:
    (given,) = _inputs(model)
    _tensor(given, TensorProto.FLOAT, width)
    given.type.tensor_type.shape.dim[1].dim_value = width


def _columns(model: onnx.ModelProto, encoding: Sequence[Mapping[str, Any]]) -> None:
    wanted = {one["column"]: one for one in encoding}
    given = {one.name: one for one in _inputs(model)}
    if set(given) != set(wanted):
        raise TeamFault(
            f"model.onnx of the script takes {', '.join(given)}",
            hint=f"it takes `{onnxfile.INPUT}`, or all of the raw columns by name: {', '.join(wanted) or 'none here'}",
        )
    for name, one in given.items():
        _tensor(one, encoder.type_of(wanted[name]), encoder.width_of(wanted[name]))


def _tensor(one: onnx.ValueInfoProto, kind: int, width: int) -> None:
    """Hold an input or output to (batch, width) of a type; a free second dimension may be any."""
    tensor, rank = one.type.tensor_type, 2
    dims = [dim.dim_value for dim in tensor.shape.dim]
    if tensor.elem_type != kind or len(dims) != rank or dims[1] not in (0, width):
        found = f"{_name(tensor.elem_type)} {dims}" if tensor.elem_type else "no tensor"
        wanted = f"{_name(kind)} [batch, {width}]"
        raise TeamFault(f"`{one.name}` of the script's model.onnx is {found}; wanted {wanted}", hint=_PAGE)


def _merged(model: onnx.ModelProto, encoding: Sequence[Mapping[str, Any]], opset: int) -> onnx.ModelProto:
    dated = any(one["kind"] in ("date", "datetime") for one in encoding)
    if opset < encoder.STRINGS_SINCE and dated:
        raise TeamFault(
            f"model.onnx of the script has opset {opset}, and columns that are dates need {encoder.STRINGS_SINCE}",
            hint=f"export it with opset {encoder.STRINGS_SINCE}, or leave the dates out (data.exclude)",
        )
    try:
        return onnxfile.clean(encoder.merge(model, encoding, opset))
    except Exception as error:
        raise TeamFault(
            f"model.onnx of the script cannot be put behind the encoding: {_first(error)}",
            hint="export it with ai.onnx.ml 3 and ONNX's own operators, or let it take the raw columns itself",
        ) from error


def _first(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _name(kind: int) -> str:
    return helper.tensor_dtype_to_string(kind).removeprefix("TensorProto.")
