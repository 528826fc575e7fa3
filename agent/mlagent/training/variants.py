"""The model's graph in fewer bits: half floats, or weights of 8 bits; made before the encoding is put before it."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import onnx

from mlagent.training.faults import EnvironmentFault, TeamFault

_QUANTISED = ["MatMul", "Gemm"]  # ONNX Runtime's CPU has no fast convolution of 8 bits that is quantised as it runs


def convert(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """Give the model in a precision, float32 at both ends; EnvironmentFault where ONNX Runtime is not there."""
    if precision == "fp32":
        return model
    try:
        return _CONVERTERS[precision](model)
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"export.{precision} needs the Python package {error.name!r}, which the worker's environment lacks",
            hint="add onnxruntime to what the project requires, or take export.precision and export.variants out",
        ) from error
    except Exception as error:
        raise TeamFault(
            f"the model cannot be converted to {precision}: {type(error).__name__}: {error}",
            hint=f"leave {precision} out of export.precision and export.variants",
        ) from error


def versions(precisions: tuple[str, ...]) -> dict[str, str]:
    """Name and version of what converted, for the record."""
    if set(precisions) <= {"fp32"}:
        return {}
    import onnxruntime

    return {"onnxruntime in the worker": onnxruntime.__version__}


def _half(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    made: onnx.ModelProto = convert_float_to_float16(copy, keep_io_types=True)
    return made


def _eight_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises on the root logger
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(model, before)
        quantize_dynamic(before, after, weight_type=QuantType.QInt8, op_types_to_quantize=_QUANTISED)
        return onnx.load(after)


_CONVERTERS: Mapping[str, Callable[[onnx.ModelProto], onnx.ModelProto]] = {"fp16": _half, "int8": _eight_bits}
