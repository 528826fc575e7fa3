"""The element types that both the protocol and ONNX know: one row a type, nothing else is served."""

from typing import NamedTuple

import numpy as np


class Datatype(NamedTuple):
    """`name` is the protocol's, `onnx` ONNX Runtime's, `json` what one element is in a request."""

    name: str
    onnx: str
    dtype: np.dtype[np.generic]
    json: type[bool] | type[int] | type[float] | type[str]


DATATYPES = (
    Datatype("BOOL", "tensor(bool)", np.dtype(np.bool_), bool),
    Datatype("INT8", "tensor(int8)", np.dtype(np.int8), int),
    Datatype("INT16", "tensor(int16)", np.dtype(np.int16), int),
    Datatype("INT32", "tensor(int32)", np.dtype(np.int32), int),
    Datatype("INT64", "tensor(int64)", np.dtype(np.int64), int),
    Datatype("UINT8", "tensor(uint8)", np.dtype(np.uint8), int),
    Datatype("UINT16", "tensor(uint16)", np.dtype(np.uint16), int),
    Datatype("UINT32", "tensor(uint32)", np.dtype(np.uint32), int),
    Datatype("UINT64", "tensor(uint64)", np.dtype(np.uint64), int),
    Datatype("FP16", "tensor(float16)", np.dtype(np.float16), float),
    Datatype("FP32", "tensor(float)", np.dtype(np.float32), float),
    Datatype("FP64", "tensor(double)", np.dtype(np.float64), float),
    Datatype("BYTES", "tensor(string)", np.dtype(np.object_), str),
)

BY_ONNX = {datatype.onnx: datatype for datatype in DATATYPES}
