"""Turn the weights into the ONNX file that ships, and prove on held-out rows that it computes what PyTorch computed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs


STRINGS_SINCE = 20  # the first operator set that splits texts


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the ONNX file is made, and how close it must be."""

    LEFT_OUT: ClassVar = {"timeout_seconds"}

    model: Annotated[
        str, Meta(pattern=r"\.py$", description="The file that gives `build_model(config) -> torch.nn.Module`.")
    ] = "model.py"
    opset: Annotated[int, Meta(ge=18, le=23, description="The ONNX operator set.")] = 20
    tolerance: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="The largest difference allowed between probabilities; between numbers, a share of 1 + |y|.",
        ),
    ] = 1e-4
    timeout_seconds: Annotated[
        float, Meta(ge=0, description="A child that takes longer is ended; 0 sets no limit.")
    ] = 0.0


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Export in the worker, run the file with ONNX Runtime here, compare on the validation part."""
    from mlagent.adapters.onnx_runtime import Scorer, tools
    from mlagent.core.context import Outputs
    from mlagent.core.verdict import check, verdict
    from mlagent.data import encode, split
    from mlagent.errors import ConfigError
    from mlagent.measure import parity

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    if config.opset < STRINGS_SINCE and any(one.kind in ("date", "datetime") for one in shape.encoding):
        raise ConfigError(
            f"export.opset is {config.opset}, and a model that reads dates needs {STRINGS_SINCE}",
            hint=f"set export.opset to {STRINGS_SINCE} or more, or leave the dates out (data.exclude)",
        )
    request = {
        "task": "export",
        "project": str(ctx.project),
        "model": config.model,
        "checkpoint": str(inputs["model"]),
        "probe": str(inputs["validation-part"]),
        "opset": config.opset,
        "features": shape.features,
        "kind": shape.kind,
        "classes": shape.classes,
        "shape": str(inputs["shape"]),
    }
    ctx.worker.run("mlagent.training", request, ctx.work, seconds=config.timeout_seconds)
    rows = split.load_rows(inputs["validation-rows"])
    answers = Scorer(ctx.work / "model.onnx")(encode.inputs(shape, rows))
    found = parity.compare(answers, ctx.work / "expected.npz")
    made = msgspec.json.decode((ctx.work / "result.json").read_bytes())
    ctx.log.info("compared ONNX Runtime with PyTorch", rows=found.rows, largest_difference=found.largest)
    judged = check("largest difference to PyTorch", found.largest, "<=", config.tolerance, samples=found.rows)
    return Outputs(
        summary=f"ONNX opset {made['opset']}, {found.rows} rows within {found.largest:.2g} of PyTorch",
        verdicts=(verdict("parity", [judged], inputs=ctx.digests, tools=tools() | {"torch": made["torch"]}),),
        hint=f"the worst rows of the validation part are {found.worst_rows}; look for operations that differ in ONNX",
    )


STAGE = Stage(
    name="export",
    title="Export to ONNX",
    about="Exports the trained model to ONNX with a dynamic batch and checks its parity with PyTorch on held-out rows.",
    config=Config,
    run=run,
    reads=("model", "shape", "validation-part", "validation-rows"),
    writes=(Artifact("onnx", "model.onnx", "the model that ships: raw columns in (or `features`), an answer out"),),
    sources=("**/*.py", "!tests/**", "!make_data.py"),
    in_worker=True,
    effect="compute",
    needs=Needs(
        packages=(
            Package("torch", "worker"),
            Package("onnx", "worker"),
            Package("onnxruntime", "control"),
            Package("polars", "control"),
        )
    ),
)
