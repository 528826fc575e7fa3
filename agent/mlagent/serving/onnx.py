"""An ONNX Runtime session as a Model: any ONNX file whose inputs and outputs are tensors of a known type."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import onnxruntime as ort

from mlagent.serving.datatypes import BY_ONNX, DATATYPES
from mlagent.serving.faults import CannotServe
from mlagent.serving.metadata import Array, Tensor


class OnnxModel:
    """Computes on the CPU in the calling thread (plus `threads - 1` of ONNX Runtime's own)."""

    def __init__(self, path: Path, *, threads: int) -> None:
        """Read and optimise the model; CannotServe when there is none or it has parts that JSON cannot carry."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only; warnings are about optimisations nobody asked for
        self._session = _open(path, options)
        self.inputs: Sequence[Tensor] = tuple(_tensor("input", found) for found in self._session.get_inputs())
        self.outputs: Sequence[Tensor] = tuple(_tensor("output", found) for found in self._session.get_outputs())

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        """See Model; raises ONNX Runtime's own exceptions."""
        return cast("Sequence[Array]", self._session.run(outputs, arrays))


def _open(path: Path, options: Any) -> Any:  # noqa: ANN401  onnxruntime ships no types
    if not path.is_file():
        raise CannotServe(f"there is no model file {path}: give --model the path of an ONNX file")
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CannotServe(
            f"ONNX Runtime {ort.__version__} cannot open {path}: {error}\n"
            "probably no ONNX file, a damaged one, or one of a newer opset: export it anew, or renew onnxruntime"
        ) from error


def _tensor(kind: str, found: Any) -> Tensor:  # noqa: ANN401  onnxruntime ships no types
    datatype = BY_ONNX.get(found.type)
    if datatype is None:
        known = ", ".join(row.onnx for row in DATATYPES)
        raise CannotServe(
            f"the model's {kind} {found.name!r} is a {found.type}, which cannot be served: known are {known}; "
            "export it with plain tensors (with skl2onnx: options zipmap=False)"
        )
    return Tensor(found.name, datatype, tuple(size if isinstance(size, int) else size or "" for size in found.shape))
