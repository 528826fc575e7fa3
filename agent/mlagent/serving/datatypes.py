"""The element types that both the protocol and ONNX know: one row a type, nothing else is served."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta


class Datatype(NamedTuple):
    """`name` is the protocol's, `onnx` ONNX Runtime's, `json` what one element is in a request, within `limits`."""

    name: str
    onnx: str
    dtype: np.dtype[np.generic]
    json: type[bool] | type[int] | type[float] | type[str]
    limits: Meta | None = None

    @property
    def element(self) -> Any:  # noqa: ANN401  a type, annotated or not
        """What msgspec decodes an element to; what it lets through fits into the type."""
        return self.json if self.limits is None else Annotated[self.json, self.limits]


def _whole(name: str, onnx: str, kind: type[np.integer[Any]]) -> Datatype:
    found = np.iinfo(kind)
    limits = Meta(ge=int(found.min), le=int(found.max)) if found.max < 2**63 else Meta(ge=0)  # msgspec's own limit
    return Datatype(name, onnx, np.dtype(kind), int, limits)


def _broken(name: str, onnx: str, kind: type[np.floating[Any]], below: float | None = None) -> Datatype:
    """`below`: the least number that is rounded to infinity."""
    return Datatype(name, onnx, np.dtype(kind), float, None if below is None else Meta(gt=-below, lt=below))


DATATYPES = (
    Datatype("BOOL", "tensor(bool)", np.dtype(np.bool_), bool),
    _whole("INT8", "tensor(int8)", np.int8),
    _whole("INT16", "tensor(int16)", np.int16),
    _whole("INT32", "tensor(int32)", np.int32),
    _whole("INT64", "tensor(int64)", np.int64),
    _whole("UINT8", "tensor(uint8)", np.uint8),
    _whole("UINT16", "tensor(uint16)", np.uint16),
    _whole("UINT32", "tensor(uint32)", np.uint32),
    _whole("UINT64", "tensor(uint64)", np.uint64),
    _broken("FP16", "tensor(float16)", np.float16, 65520.0),
    _broken("FP32", "tensor(float)", np.float32, 2.0**128 - 2.0**103),
    _broken("FP64", "tensor(double)", np.float64),
    Datatype("BYTES", "tensor(string)", np.dtype(np.object_), str),
)

BY_ONNX = {datatype.onnx: datatype for datatype in DATATYPES}
