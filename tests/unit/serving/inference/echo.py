"""A model that gives back what it takes, an input and an output a datatype; and requests to it, spelled by hand."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlagent.serving.datatypes import DATATYPES
from mlagent.serving.metadata import Array, Tensor
from mlagent.serving.protocol import Inference, Served, read

TYPES = {one.name: one for one in DATATYPES}


class Echo:
    """Gives each input back as the output of its name; tensors are (rows, 2)."""

    def __init__(self, *names: str) -> None:
        """Take and give tensors of these datatypes, each named as its type."""
        self.inputs: Sequence[Tensor] = tuple(Tensor(name, TYPES[name], ("rows", 2)) for name in names)
        self.outputs: Sequence[Tensor] = self.inputs

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        """Give them back."""
        return [arrays[name] for name in outputs]


def served(*names: str) -> Served:
    """Serve an echo of these datatypes."""
    return Served("echo", Echo(*names), "7")


def packed(texts: Sequence[bytes]) -> bytes:
    """Spell BYTES elements as the protocol says."""
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def bytes_of(array: Array) -> bytes:
    """The elements as the protocol spells them."""
    return packed([str(one).encode() for one in array.ravel()]) if array.dtype == np.object_ else array.tobytes()


def binary(name: str, shape: Sequence[int], size: int) -> dict[str, Any]:
    """An input whose data come after the JSON."""
    return {"name": name, "shape": list(shape), "datatype": name, "parameters": {"binary_data_size": size}}


def plain(name: str, shape: Sequence[int], data: object) -> dict[str, Any]:
    """An input in JSON."""
    return {"name": name, "shape": list(shape), "datatype": name, "data": data}


def ask(to: Served, inputs: Sequence[Mapping[str, Any]], tail: bytes = b"", **more: object) -> Inference:
    """Read a request; what its JSON is long is said where bytes come after it."""
    text = json.dumps({"inputs": inputs, **more}).encode()
    return read(to, text + tail, str(len(text)).encode() if tail else None)


def answered(to: Served, asked: Inference) -> tuple[dict[str, Any], bytes]:
    """Answer with the echo: the JSON, and the bytes after it."""
    body, kind, headers = asked.respond(list(asked.arrays.values()))
    if kind == b"application/json":
        assert headers == []
        return json.loads(body), b""
    assert kind == b"application/octet-stream"
    [(name, length)] = headers
    assert name == b"inference-header-content-length"
    told = json.loads(body[: int(length)])
    assert (told["model_name"], told["model_version"]) == (to.name, to.version)
    return told, body[int(length) :]
