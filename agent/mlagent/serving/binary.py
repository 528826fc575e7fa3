"""The binary tensor extension: elements as they lie in memory (little-endian), after the JSON of a body.

A BYTES element is its length in four bytes, then UTF-8, for ONNX has texts and no plain bytes.
"""

import math
import sys
from collections.abc import Sequence

import numpy as np

from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array, Tensor
from mlagent.serving.tensors import cut

HEADER = b"inference-header-content-length"
_PREFIX = 4
assert sys.byteorder == "little", "arrays are read and written as they lie in memory"  # noqa: S101


def json_bytes(body: bytes, header_length: bytes) -> int:
    """How many bytes of the body are JSON, as its header says; Refused (400) where that cannot be."""
    text = header_length.strip()
    if not text.isdigit() or len(text) > 20 or int(text) > len(body):
        said = cut(text.decode("ascii", "replace"))
        raise Refused(
            400,
            f"Inference-Header-Content-Length is {said!r}; it says how many of the body's {len(body)} bytes are JSON",
        )
    return int(text)


class Tail:
    """The bytes after the JSON, which inputs take in their order."""

    def __init__(self, body: bytes, begin: int) -> None:
        """Begin after the JSON."""
        self._body, self._at = body, begin

    def take(self, tensor: Tensor, shape: tuple[int, ...], size: int) -> Array:
        """The next `size` bytes as an array, without a copy where they are aligned; Refused (400) unless they fit."""
        left = len(self._body) - self._at
        if size > left:
            raise Refused(400, f"input {tensor.name!r} has {size} bytes of binary data; the body has {left} left")
        count, begin = math.prod(shape), self._at
        self._at += size
        if tensor.datatype.name == "BYTES":
            return _texts(tensor.name, self._body[begin : self._at], count).reshape(shape)
        if size != count * tensor.datatype.dtype.itemsize:
            raise Refused(
                400,
                f"input {tensor.name!r}: its binary data has {size} bytes; {tensor.datatype.name} "
                f"of the shape {list(shape)} means {count * tensor.datatype.dtype.itemsize}",
            )
        return _numbers(tensor, self._body, count, begin).reshape(shape)

    def end(self) -> None:
        """Refused (400) when something is left."""
        left = len(self._body) - self._at
        if left:
            raise Refused(400, f"the body has {left} bytes more than its JSON and the binary data that this names")


def to_bytes(array: Array) -> bytes:
    """An output's elements, row-major."""
    if array.dtype.kind != "O":
        return array.tobytes()
    texts: Sequence[bytes] = [str(one).encode() for one in array.ravel().tolist()]
    return b"".join([part for text in texts for part in (len(text).to_bytes(_PREFIX, "little"), text)])


def _numbers(tensor: Tensor, body: bytes, count: int, begin: int) -> Array:
    found = np.frombuffer(body, tensor.datatype.dtype, count, begin)
    if found.dtype.kind == "b" and found.view(np.uint8).max() > 1:
        raise Refused(400, f"input {tensor.name!r}: a byte of BOOL is 0 or 1")
    return found if found.flags.aligned else found.copy()


def _texts(name: str, data: bytes, count: int) -> Array:
    if len(data) < count * _PREFIX:
        raise Refused(400, f"input {name!r}: {len(data)} bytes of binary data are too few for {count} BYTES")
    found: list[str] = []
    at = 0
    for number in range(count):
        begin = at + _PREFIX
        at = begin + int.from_bytes(data[at:begin], "little")
        if begin > len(data) or at > len(data):
            raise Refused(400, f"input {name!r}: its binary data ends within BYTES {number} of {count}")
        try:
            found.append(data[begin:at].decode())
        except UnicodeDecodeError as error:
            raise Refused(400, f"input {name!r}: BYTES {number} is no UTF-8, and ONNX takes texts: {error}") from error
    if at != len(data):
        raise Refused(400, f"input {name!r}: its binary data has {len(data) - at} bytes more than {count} BYTES")
    return np.array(found, np.object_)
