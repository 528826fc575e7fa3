"""Inference by the Open Inference Protocol v2: a body to arrays, or what refuses it, and results to a body."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from mlagent.serving import answers, forms, metadata
from mlagent.serving.answers import Answer, Wanted
from mlagent.serving.binary import Tail, json_bytes
from mlagent.serving.faults import Refused
from mlagent.serving.forms import InferRequest, RequestInput
from mlagent.serving.metadata import EXTENSIONS, Array, Model, Tensor
from mlagent.serving.tensors import Input, cut

__all__ = ["EXTENSIONS", "Inference", "Served", "read"]


class Inference(NamedTuple):
    """What one request asks: `respond` is handed the results of all the model's outputs, and may refuse (500).

    `rows` is the size of the first free leading dimension; `deadline_us` (microseconds from now) None where not set.
    """

    arrays: Mapping[str, Array]
    rows: int
    deadline_us: int | None
    respond: Callable[[Sequence[Array]], Answer]


class Served:
    """One model under its name: what requests are held to, made once."""

    def __init__(self, name: str, model: Model, version: str = "") -> None:
        """`version` is empty where none is known."""
        self.name, self.version = name, version
        self.inputs, self.outputs = tuple(model.inputs), tuple(model.outputs)
        self.takes = {tensor.name: Input(tensor) for tensor in self.inputs}
        self.gives = {output.name: output for output in answers.outputs(self.outputs)}
        self.all: Wanted = tuple((output, False) for output in self.gives.values())
        self.head = answers.head(name, version)
        self.counted = next((one.name for one in self.inputs if isinstance((*one.dimensions, 0)[0], str)), None)

    def metadata(self) -> Mapping[str, object]:
        """What GET of the model answers."""
        return metadata.of_model(self.name, self.version, self.inputs, self.outputs)


def read(served: Served, body: bytes, header_length: bytes | None = None) -> Inference:
    """Read one request; `header_length` is its Inference-Header-Content-Length. Refused (400) names what is wrong."""
    tail = None
    if header_length is None:
        request = forms.parse(body)
    else:
        begin = json_bytes(body, header_length)
        tail = Tail(body, begin)
        request = forms.parse(memoryview(body)[:begin])
    timeout, binarily = 0.0, False
    if request.parameters is not UNSET:
        forms.refuse(request.parameters, forms.REQUEST_REFUSED, "the request")
        timeout, binarily = request.parameters.timeout, request.parameters.binary_data_output
    wanted = _wanted(served, request, binarily=binarily) if request.outputs or binarily else served.all
    arrays = _arrays(served, request.inputs, tail)
    rows = 1 if served.counted is None else arrays[served.counted].shape[0]
    deadline = math.ceil(timeout) if timeout else None
    return Inference(arrays, rows, deadline, partial(answers.render, served.head, wanted, request.id))


def _arrays(served: Served, inputs: Sequence[RequestInput], tail: Tail | None) -> Mapping[str, Array]:
    """Check each input against what the model takes, and decode it."""
    found: dict[str, Array] = {}
    sizes: dict[str, tuple[int, str]] = {}
    for sent in inputs:
        known = served.takes.get(sent.name)
        if known is None:
            raise Refused(400, f"there is no input {cut(sent.name)!r}; the model takes {_listed(served.inputs)}")
        if sent.name in found:
            raise Refused(400, f"input {sent.name!r} is given twice")
        known.check(sent.shape, sent.datatype, sizes)
        size: int | UnsetType = UNSET
        if sent.parameters is not UNSET:
            forms.refuse(sent.parameters, forms.INPUT_REFUSED, f"input {sent.name!r}")
            size = sent.parameters.binary_data_size
        if size is not UNSET:
            found[sent.name] = _binary(sent, tail).take(known.tensor, sent.shape, size)
        elif sent.data is UNSET:
            raise Refused(400, f"input {sent.name!r} has no data: give {forms.FORM}")
        else:
            found[sent.name] = known.array(sent.shape, sent.data)
    if len(found) < len(served.inputs):
        missing = next(tensor for tensor in served.inputs if tensor.name not in found)
        raise Refused(400, f"input {missing} is missing")
    if tail is not None:
        tail.end()
    return found


def _binary(sent: RequestInput, tail: Tail | None) -> Tail:
    if sent.data is not UNSET:
        raise Refused(400, f"input {sent.name!r} has both data and binary_data_size: give one of them")
    if tail is None:
        raise Refused(
            400,
            f"input {sent.name!r} has binary_data_size, but the header Inference-Header-Content-Length, "
            "which says where the JSON ends, is missing",
        )
    return tail


def _wanted(served: Served, request: InferRequest, *, binarily: bool) -> Wanted:
    """The outputs asked for, and whether in binary; the request's own word counts where an output says nothing."""
    if not request.outputs:
        return tuple((output, binarily) for output, _ in served.all)
    found: dict[str, tuple[answers.Output, bool]] = {}
    for asked in request.outputs:
        output = served.gives.get(asked.name)
        if output is None:
            raise Refused(400, f"there is no output {cut(asked.name)!r}; the model gives {_listed(served.outputs)}")
        if asked.name in found:
            raise Refused(400, f"output {asked.name!r} is asked for twice")
        said: bool | UnsetType = UNSET
        if asked.parameters is not UNSET:
            forms.refuse(asked.parameters, forms.OUTPUT_REFUSED, f"output {asked.name!r}")
            said = asked.parameters.binary_data
        found[asked.name] = (output, binarily if said is UNSET else said)
    return tuple(found.values())


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(tensor) for tensor in tensors)
