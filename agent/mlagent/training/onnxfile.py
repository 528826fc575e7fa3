"""From a torch module to ONNX that holds the model and nothing about where, when or from which file it was made."""

import io
import logging
import warnings
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import onnx
import onnx.version_converter
import onnxscript  # noqa: F401  torch's exporter needs it; missed here, it is not taken for the team's fault
import torch
from torch import Tensor, nn

from mlagent.training.answers import Answer

INPUT = "features"
LEGACY_OPSET = 20  # the last that torch's older exporter knows
# One warns that torchvision's operators are missing, which only a model that uses them needs; the other warns before
# torch raises the error that says it better.
_CHATTY = ("torch.onnx._internal.exporter._registration", "torch.fx.experimental.symbolic_shapes")
_ABOUT_THE_MAKING = ("metadata_props", "doc_string")


@runtime_checkable
class Message(Protocol):
    """As much of a protobuf message as is needed to walk through one."""

    def ListFields(self) -> Iterable[tuple[Any, Any]]:  # noqa: N802
        """Give the fields that are set, as (descriptor, value)."""

    def ClearField(self, field_name: str) -> None:  # noqa: N802
        """Unset one field."""


class Shipped(nn.Module):
    """The team's module and what makes an answer of its outputs, as it ships: float32 (n, d) -> (n, k)."""

    def __init__(self, model: nn.Module, answer: Answer) -> None:
        """Wrap `model`; its parameters keep their names under `model.`."""
        super().__init__()
        self.model, self.answer = model, answer

    def forward(self, features: Tensor) -> Tensor:
        """Give each row's answer."""
        return self.answer.of(self.model(features))


def export(module: Shipped, example: Tensor, opset: int) -> onnx.ModelProto:
    """Trace `module` with torch.export, batch left free; whatever the exporter raises comes through.

    `example` is float32 (2 or more, d): torch takes a batch of 1 for a constant.
    """
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # torch.export copies its own LeafSpec, whose deprecation is aimed at callers who make one.
        warnings.filterwarnings("ignore", message=r".*LeafSpec", category=FutureWarning)
        try:
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=opset,
                input_names=[INPUT],
                output_names=[module.answer.name],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise error.__cause__ or error  # noqa: B904  the cause names the line
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    return program.model_proto


def export_legacy(module: Shipped, example: Tensor, opset: int) -> onnx.ModelProto | None:
    """Trace `module` with the exporter that torch had before; None where that cannot follow it either."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it is the older one
        warnings.simplefilter("error", torch.jit.TracerWarning)  # type: ignore[attr-defined]  # it would ship only the branch that it saw
        try:
            torch.onnx.export(
                module,
                (example,),
                file,  # type: ignore[arg-type]
                dynamo=False,
                opset_version=min(opset, LEGACY_OPSET),
                input_names=[INPUT],
                output_names=[module.answer.name],
                dynamic_axes={INPUT: {0: "batch"}, module.answer.name: {0: "batch"}},
            )
        except Exception:  # noqa: BLE001  what the newer one said is told
            return None
    model = onnx.load_from_string(file.getvalue())
    return onnx.version_converter.convert_version(model, opset) if opset > LEGACY_OPSET else model


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop source lines, paths and stack traces at every depth, in place, and check what is left."""
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """Give the version of the standard operators that the model asks for."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain == "")


def free_batch(model: onnx.ModelProto) -> bool:
    """Tell whether input and output leave the number of rows open."""
    ends = (*model.graph.input, *model.graph.output)
    return all(end.type.tensor_type.shape.dim[0].dim_param for end in ends)


def _strip(message: Message) -> None:
    for field, value in message.ListFields():
        if field.name in _ABOUT_THE_MAKING:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for child in [value] if isinstance(value, Message) else value:
                _strip(child)
