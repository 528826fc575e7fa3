"""The body of an answer to an inference: JSON, and binary tensors after it where they were asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mlagent.serving import binary
from mlagent.serving.message import JSON
from mlagent.serving.metadata import Array, Tensor
from mlagent.serving.tensors import not_finite

OCTETS = b"application/octet-stream"
Answer = tuple[bytes, bytes, list[tuple[bytes, bytes]]]  # body, content type, headers
_ENCODE = msgspec.json.Encoder().encode


class Output(NamedTuple):
    """One output of a model, `at` its place among them; `head` is the JSON before its shape."""

    name: str
    at: int
    head: bytes
    broken: bool  # whether it may hold NaN or infinity

    def json(self, array: Array) -> bytes:
        """Its JSON, flat and row-major; Refused (500) where JSON has no number for an element (NaN, infinities)."""
        data = _ENCODE(array.ravel().tolist())
        if self.broken and b"null" in data:  # the encoder's word for both
            raise not_finite(self.name)
        return b'%b%b,"data":%b}' % (self.head, _ENCODE(array.shape), data)

    def beside(self, array: Array, size: int) -> bytes:
        """Its JSON where its elements come as that many bytes."""
        return b'%b%b,"parameters":{"binary_data_size":%d}}' % (self.head, _ENCODE(array.shape), size)


Wanted = Sequence[tuple[Output, bool]]  # whether in binary


def outputs(tensors: Sequence[Tensor]) -> Sequence[Output]:
    """What has to be known of each output, made once."""
    return [
        Output(
            one.name,
            at,
            _ENCODE({"name": one.name, "datatype": one.datatype.name})[:-1] + b',"shape":',
            one.datatype.json is float,
        )
        for at, one in enumerate(tensors)
    ]


def head(name: str, version: str) -> bytes:
    """The JSON before the outputs."""
    return _ENCODE({"model_name": name} | ({"model_version": version} if version else {}))[:-1]


def render(before: bytes, wanted: Wanted, request_id: str | None, results: Sequence[Array]) -> Answer:
    """Give the body of the answer, its type and the headers that it needs."""
    tail: list[bytes] = []
    parts: list[bytes] = []
    for output, binarily in wanted:
        array = results[output.at]
        if binarily:
            tail.append(binary.to_bytes(array))
            parts.append(output.beside(array, len(tail[-1])))
        else:
            parts.append(output.json(array))
    if request_id is not None:
        before = b'%b,"id":%b' % (before, _ENCODE(request_id))
    text = b'%b,"outputs":[%b]}' % (before, b",".join(parts))
    if not tail:
        return text, JSON, []
    return b"".join((text, *tail)), OCTETS, [(binary.HEADER, b"%d" % len(text))]
