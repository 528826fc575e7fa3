"""What an inference request must be (Open Inference Protocol v2, JSON tensors), and the sentence that refuses it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array, Model, Tensor
from mlagent.serving.tensors import from_array, to_array

_FORM = '{"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}'


class RequestInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input as sent; `data` stays undecoded until its type is known. Parameters are accepted and not used."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: msgspec.Raw
    parameters: dict[str, Any] = {}


class RequestOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output that the client wants."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request; without `outputs` all are given."""

    inputs: tuple[RequestInput, ...]
    id: str | None = None
    outputs: tuple[RequestOutput, ...] = ()
    parameters: dict[str, Any] = {}


class ResponseOutput(msgspec.Struct, frozen=True):
    """One output; `data` is flat and row-major."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[object]


class InferResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an answer; `id` is the request's, `model_version` is left out where none is known."""

    model_name: str
    outputs: Sequence[ResponseOutput]
    id: str | None = None
    model_version: str = ""


_DECODER = msgspec.json.Decoder(InferRequest)


def infer(name: str, model: Model, body: bytes, version: str = "") -> InferResponse:
    """Answer one request; Refused (400) names what is wrong with it, the model's own exceptions pass through."""
    request = parse(body)
    arrays = read_inputs(model.inputs, request.inputs)
    wanted = _wanted(model.outputs, request.outputs)
    results = model([tensor.name for tensor in wanted], arrays)
    outputs = [_output(tensor, array) for tensor, array in zip(wanted, results, strict=True)]
    return InferResponse(name, outputs, request.id, version)


def parse(body: bytes) -> InferRequest:
    """Decode a body; Refused (400) when it is not of the protocol's form."""
    try:
        return _DECODER.decode(body)
    except ValueError as error:
        raise Refused(400, f"the body is no inference request: {error}; expected {_FORM}") from error


def read_inputs(tensors: Sequence[Tensor], sent: Sequence[RequestInput]) -> Mapping[str, Array]:
    """Check each input against what the model takes, and decode it; Refused (400) names the input."""
    known = {tensor.name: tensor for tensor in tensors}
    found: dict[str, Array] = {}
    sizes: dict[str, tuple[int, str]] = {}
    for one in sent:
        if one.name not in known:
            raise Refused(400, f"there is no input {one.name!r}; the model takes {_listed(tensors)}")
        if one.name in found:
            raise Refused(400, f"input {one.name!r} is given twice")
        _check_form(known[one.name], one, sizes)
        found[one.name] = to_array(known[one.name], one.shape, one.data)
    for tensor in tensors:
        if tensor.name not in found:
            raise Refused(400, f"input {tensor} is missing")
    return found


def _check_form(tensor: Tensor, sent: RequestInput, sizes: dict[str, tuple[int, str]]) -> None:
    """Compare type and shape; `sizes` remembers what the named dimensions are in this request, and by whom."""
    if sent.datatype != tensor.datatype.name:
        raise Refused(400, f"input {sent.name!r} is sent as {sent.datatype}; the model takes {tensor.datatype.name}")
    if len(sent.shape) != len(tensor.dimensions) or any(
        size < 1 or (isinstance(wanted, int) and size != wanted)
        for size, wanted in zip(sent.shape, tensor.dimensions, strict=True)
    ):
        raise Refused(400, f"input {sent.name!r} has shape {list(sent.shape)}; the model takes {tensor.shape}")
    for size, wanted in zip(sent.shape, tensor.dimensions, strict=True):
        if isinstance(wanted, str) and wanted:
            agreed, other = sizes.setdefault(wanted, (size, sent.name))
            if size != agreed:
                raise Refused(
                    400, f"input {sent.name!r} has {size} as its {wanted!r}, but input {other!r} has {agreed}"
                )


def _wanted(tensors: Sequence[Tensor], asked: Sequence[RequestOutput]) -> Sequence[Tensor]:
    known = {tensor.name: tensor for tensor in tensors}
    for one in asked:
        if one.name not in known:
            raise Refused(400, f"there is no output {one.name!r}; the model gives {_listed(tensors)}")
    return [known[one.name] for one in asked] or tensors


def _output(tensor: Tensor, array: Array) -> ResponseOutput:
    return ResponseOutput(tensor.name, tensor.datatype.name, array.shape, from_array(tensor, array))


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(tensor) for tensor in tensors)
