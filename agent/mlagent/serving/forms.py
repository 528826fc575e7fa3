"""What an inference request looks like (Open Inference Protocol v2); parameters not named here change nothing."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mlagent.serving.faults import Refused
from mlagent.serving.tensors import cut

LONGEST_TIMEOUT = 10**15  # microseconds, which a float counts exactly
FORM = '{"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}'
_MEMORY = ("shared_memory_region", "shared_memory_offset", "shared_memory_byte_size")
INPUT_REFUSED, OUTPUT_REFUSED = _MEMORY, ("classification", *_MEMORY)
REQUEST_REFUSED = ("sequence_id", "sequence_start", "sequence_end")
_WHY = {
    "classification": "labels are not made here; take the numbers",
    **dict.fromkeys(_MEMORY, "memory is not shared with clients here; send the tensors in the body"),
    **dict.fromkeys(REQUEST_REFUSED, "nothing is kept here between two requests; send all that the answer needs"),
}
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Microseconds = Annotated[float, Meta(ge=0, le=LONGEST_TIMEOUT)]


class InputParameters(msgspec.Struct, frozen=True, gc=False):
    """Of one input."""

    binary_data_size: Size | UnsetType = UNSET
    shared_memory_region: Any = UNSET
    shared_memory_offset: Any = UNSET
    shared_memory_byte_size: Any = UNSET


class OutputParameters(msgspec.Struct, frozen=True, gc=False):
    """Of one output."""

    binary_data: bool | UnsetType = UNSET
    classification: Any = UNSET
    shared_memory_region: Any = UNSET
    shared_memory_offset: Any = UNSET
    shared_memory_byte_size: Any = UNSET


class RequestParameters(msgspec.Struct, frozen=True, gc=False):
    """Of the whole; `timeout` 0 for none."""

    binary_data_output: bool = False
    timeout: Microseconds = 0
    sequence_id: Any = UNSET
    sequence_start: Any = UNSET
    sequence_end: Any = UNSET


class RequestInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One input as sent; `data` stays undecoded until its type is known."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: msgspec.Raw | UnsetType = UNSET
    parameters: InputParameters | UnsetType = UNSET


class RequestOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An output that the client wants."""

    name: str
    parameters: OutputParameters | UnsetType = UNSET


class InferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The body of a request; without `outputs` all are given."""

    inputs: tuple[RequestInput, ...]
    id: str | None = None
    outputs: tuple[RequestOutput, ...] = ()
    parameters: RequestParameters | UnsetType = UNSET


_DECODE = msgspec.json.Decoder(InferRequest).decode


def parse(body: bytes | memoryview) -> InferRequest:
    """Decode a body; Refused (400) when it is not of the protocol's form."""
    try:
        return _DECODE(body)
    except (ValueError, RecursionError) as error:
        said = cut(str(error))
        raise Refused(400, f"the body is no inference request: {said}; expected {FORM}") from error


def refuse(parameters: msgspec.Struct, names: tuple[str, ...], whose: str) -> None:
    """Refused (400) where one of these parameters is there: to ignore it would give another answer than asked for."""
    for name in names:
        if getattr(parameters, name) is not UNSET:
            raise Refused(400, f"{whose} has the parameter {name!r}: {_WHY[name]}")
