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
