"""An ONNX Runtime session as a Model: any ONNX file whose inputs and outputs are tensors of a known type."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import onnxruntime as ort

from mlagent.serving.datatypes import BY_ONNX, DATATYPES
from mlagent.serving.faults import CannotServe
from mlagent.serving.metadata import Array, Tensor

Device = Literal["cpu", "cuda"]
_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_PROVIDERS: Mapping[Device, Sequence[Any]] = {
    "cpu": [_CPU],
    "cuda": [(_CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}), _CPU],  # TF32 would change answers
}


class OnnxModel:
    """Computes in the calling thread (plus `threads - 1` of ONNX Runtime's own), or on a GPU.

    `device` is the one that is really used.
    """

    def __init__(self, path: Path, *, threads: int, device: Device = "cpu", fallback: bool = False) -> None:
        """Read and optimise the model; CannotServe when there is none, or it has parts that JSON cannot carry.

        The same where the device cannot be had, unless `fallback` lets the CPU compute instead.
        """
        if device == "cuda" and _CUDA not in ort.get_available_providers():
            device = _without_cuda(f"it computes on {', '.join(ort.get_available_providers())}", fallback=fallback)
        self._session = _open(path, threads, device)
        if device == "cuda" and self._session.get_providers()[0] != _CUDA:
            device = _without_cuda("it could not use the GPU here (see above)", fallback=fallback)
        self._session.disable_fallback()  # nor may it change to the CPU later
        self._run, self._asking = self._session.run, ort.RunOptions()  # made once: one a call costs 0.8 us
        self._asking.log_severity_level = 4  # what fails is raised, and so told to whoever asked
        self.device = device
        self.inputs: Sequence[Tensor] = tuple(_tensor("input", found) for found in self._session.get_inputs())
        self.outputs: Sequence[Tensor] = tuple(_tensor("output", found) for found in self._session.get_outputs())

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        """See Model; raises ONNX Runtime's own exceptions."""
        results: Sequence[Array] = self._run(outputs, arrays, self._asking)
        return results


def _open(path: Path, threads: int, device: Device) -> Any:  # noqa: ANN401  onnxruntime ships no types
    if not path.is_file():
        raise CannotServe(f"there is no model file {path}: give --model the path of an ONNX file")
    if device == "cuda":
        ort.preload_dlls()  # CUDA's own, where they were installed as packages
    try:
        return ort.InferenceSession(path, _options(threads), providers=_PROVIDERS[device])
    except Exception as error:
        raise CannotServe(
            f"ONNX Runtime {ort.__version__} cannot open {path}: {error}\n"
            "probably no ONNX file, a damaged one, or one of a newer opset: export it anew, or renew onnxruntime"
        ) from error


def _options(threads: int) -> Any:  # noqa: ANN401  onnxruntime ships no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only; warnings are about optimisations nobody asked for
    for kind in ("intra_op", "inter_op"):  # a thread that waits must leave its processor to the others
        options.add_session_config_entry(f"session.{kind}.allow_spinning", "0")
    return options


def _without_cuda(found: str, *, fallback: bool) -> Device:
    if fallback:
        return "cpu"
    raise CannotServe(
        f"--device cuda cannot be had: onnxruntime {ort.__version__} is installed, and {found}\n"
        "install the other one (pip uninstall onnxruntime; pip install 'mlagent[serve-gpu]'), with a driver and CUDA "
        "that it knows; or let the CPU compute instead: --allow-cpu"
    )


def _tensor(kind: str, found: Any) -> Tensor:  # noqa: ANN401  onnxruntime ships no types
    datatype = BY_ONNX.get(found.type)
    if datatype is None:
        known = ", ".join(row.onnx for row in DATATYPES)
        raise CannotServe(
            f"the model's {kind} {found.name!r} is a {found.type}, which cannot be served: known are {known}; "
            "export it with plain tensors (with skl2onnx: options zipmap=False)"
        )
    return Tensor(found.name, datatype, tuple(size if isinstance(size, int) else size or "" for size in found.shape))
