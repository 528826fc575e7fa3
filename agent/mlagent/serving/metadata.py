"""What a model takes and gives, in the protocol's words; the app knows models only by this."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from mlagent.serving.datatypes import Datatype

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class Tensor(NamedTuple):
    """One input or output; a dimension is a number, or a name (may be empty) where requests choose the size.

    Within one request, dimensions of the same name must agree (rows of two inputs, say).
    """

    name: str
    datatype: Datatype
    dimensions: tuple[int | str, ...]

    @property
    def shape(self) -> list[int]:
        """The shape as the protocol writes it: -1 for what a request chooses."""
        return [size if isinstance(size, int) else -1 for size in self.dimensions]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.datatype.name}, shape {self.shape})"


class Model(Protocol):
    """Computes; `inputs` and `outputs` never change."""

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        """Give the named outputs for one array an input, of the declared types and shapes; raises what it likes."""


EXTENSIONS = ("binary_tensor_data",)


def of_server(name: str, version: str) -> Mapping[str, object]:
    """What GET /v2 answers; `version` is the server's own."""
    return {"name": name, "version": version, "extensions": EXTENSIONS}


def of_model(name: str, version: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Mapping[str, object]:
    """What GET of the model answers; it names a version where there is one."""
    versions = {"versions": [version]} if version else {}
    return {
        "name": name,
        **versions,
        "platform": "onnx_onnxv1",
        "inputs": [_described(tensor) for tensor in inputs],
        "outputs": [_described(tensor) for tensor in outputs],
    }


def _described(tensor: Tensor) -> Mapping[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": tensor.shape}
