"""Turn the weights into the ONNX file that ships, and prove on held-out rows that it computes what PyTorch computed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from mlagent.core.context import Context, Outputs
    from mlagent.core.verdict import Check
    from mlagent.data.encode import Shape


STRINGS_SINCE = 20  # the first operator set that splits texts
MODEL = "model.onnx"
VARIANT = "model-{}.onnx"
Precision = Literal["fp32", "fp16", "int8"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the ONNX file is made, in which precisions, and how close each must be."""

    LEFT_OUT: ClassVar = {"timeout_seconds"}

    model: Annotated[
        str, Meta(pattern=r"\.py$", description="The file that gives `build_model(config) -> torch.nn.Module`.")
    ] = "model.py"
    opset: Annotated[int, Meta(ge=18, le=23, description="The ONNX operator set.")] = 20
    precision: Annotated[
        Precision, Meta(description="What the file that ships computes in: its weights as half floats, or as 8 bits.")
    ] = "fp32"
    variants: Annotated[
        tuple[Precision, ...], Meta(description="Further precisions that are made, measured and judged beside it.")
    ] = ()
    tolerance: Annotated[
        float, Meta(gt=0, le=1, description="The largest difference allowed between two probabilities in fp32.")
    ] = 1e-4
    tolerance_fp16: Annotated[
        float, Meta(gt=0, le=1, description="The same in fp16; of other numbers, a part of 1 and their size.")
    ] = 5e-3
    tolerance_int8: Annotated[float, Meta(gt=0, le=1, description="The same in int8.")] = 0.05
    timeout_seconds: Annotated[
        float, Meta(ge=0, description="A child that takes longer is ended; 0 sets no limit.")
    ] = 0.0

    def __post_init__(self) -> None:
        """Refuse a precision that is named twice."""
        named = [self.precision, *self.variants]
        if len(set(named)) < len(named):
            message = f"variants name {', '.join(self.variants)} besides precision {self.precision}: name each once"
            raise ValueError(message)


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Export in the worker, run the files with ONNX Runtime here, compare on the validation part."""
    from mlagent.adapters.onnx_runtime import Scorer, tools
    from mlagent.core.context import Outputs
    from mlagent.core.verdict import verdict
    from mlagent.data import encode, signature, split

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    own = "own-model" in inputs
    request = _own(config, shape, inputs) if own else _request(config, shape, inputs, ctx)
    ctx.worker.run("mlagent.training", request, ctx.work, seconds=config.timeout_seconds)
    made = msgspec.json.decode((ctx.work / "result.json").read_bytes())
    (ctx.work / "signature.json").write_bytes(msgspec.json.encode(signature.of(shape)))
    fed = encode.inputs(shape, split.load_rows(inputs["validation-rows"]))
    expected = inputs.get("expected") if own else ctx.work / "expected.npz"
    files = {config.precision: MODEL} | {one: VARIANT.format(one) for one in config.variants}
    found = [_compared(config, one, Scorer(ctx.work / file)(fed), expected, own=own) for one, file in files.items()]
    checks, said, hints = zip(*found, strict=True)
    by = {"dynamo": "", "own": " from the script"}.get(made["exporter"], f" by the {made['exporter']} exporter")
    made_by = {name: made[name] for name in ("exporter", "torch", "onnx", "onnxruntime in the worker") if name in made}
    return Outputs(
        summary=f"ONNX opset {made['opset']}{by}, {'; '.join(said)}",
        verdicts=(
            verdict(
                "parity",
                checks,
                inputs=ctx.digests,
                tools=tools() | made_by,
                notes=[] if expected else ["not compared: the script left no expected.npz"],
            ),
        ),
        hint="; ".join(one for one in hints if one) or "look for operations that differ in ONNX",
    )


def _request(config: Config, shape: "Shape", inputs: "Mapping[str, Path]", ctx: "Context") -> dict[str, Any]:
    from mlagent.errors import ConfigError

    if config.opset < STRINGS_SINCE and any(one.kind in ("date", "datetime") for one in shape.encoding):
        raise ConfigError(
            f"export.opset is {config.opset}, and a model that reads dates needs {STRINGS_SINCE}",
            hint=f"set export.opset to {STRINGS_SINCE} or more, or leave the dates out (data.exclude)",
        )
    return {
        "task": "export",
        "project": str(ctx.project),
        "model": config.model,
        "checkpoint": str(inputs["model"]),
        "probe": str(inputs["validation-part"]),
        "opset": config.opset,
        "precision": config.precision,
        "variants": list(config.variants),
        "features": shape.features,
        "kind": shape.kind,
        "classes": shape.classes,
        "shape": str(inputs["shape"]),
    }


def _own(config: Config, shape: "Shape", inputs: "Mapping[str, Path]") -> dict[str, Any]:
    from mlagent.errors import ConfigError

    if config.variants or config.precision != "fp32":
        raise ConfigError(
            "export.precision and export.variants are for models that mlagent exports, and train.script left its own",
            hint="take them out, or let the script leave model.pt instead of model.onnx",
        )
    return {
        "task": "own",
        "onnx": str(inputs["own-model"]),
        "shape": str(inputs["shape"]),
        "kind": shape.kind,
        "classes": shape.classes,
    }


def _compared(
    config: Config, precision: Precision, answers: "np.ndarray", expected: "Path | None", *, own: bool
) -> "tuple[Check, str, str]":
    """How far one file is from what was trained: a check, a clause of the summary, what to do when it is too far."""
    from mlagent.core.verdict import check
    from mlagent.errors import TeamCodeError
    from mlagent.measure import parity

    suffix = "" if precision == "fp32" else f", {precision}"
    if expected is None:
        share = parity.not_finite(answers)
        judged = check("share of rows whose answer is no number", share, "<=", 0, samples=len(answers))
        return judged, f"{len(answers)} rows answered, not compared", "look in the model for a division by zero"
    try:
        found = parity.compare(answers, expected)
    except (KeyError, ValueError) as error:
        raise TeamCodeError(
            f"expected.npz of the script does not fit what its model answers: {error}",
            hint="it holds what the model is to answer for the validation part, under the output's name",
        ) from error
    limit = {"fp32": config.tolerance, "fp16": config.tolerance_fp16, "int8": config.tolerance_int8}[precision]
    other = "what the script expects" if own else "PyTorch"
    judged = check(f"largest difference to {other}{suffix}", found.largest, "<=", limit, samples=found.rows)
    wrong = judged.outcome != "pass"
    return (
        judged,
        f"{found.rows} rows within {found.largest:.2g} of {other}{suffix}",
        f"the worst rows of the validation part{suffix} are {found.worst_rows}; look for operations that differ in ONNX"
        if wrong
        else "",
    )


STAGE = Stage(
    name="export",
    title="Export to ONNX",
    about="Exports the trained model to ONNX with a dynamic batch and checks its parity with PyTorch on held-out rows.",
    config=Config,
    run=run,
    reads=("model", "own-model", "expected", "shape", "validation-part", "validation-rows"),
    writes=(
        Artifact("onnx", MODEL, "the model that ships: raw columns in (or `features`), an answer out"),
        *(
            Artifact(f"onnx-{one}", VARIANT.format(one), f"the same in {one}", optional=True)
            for one in get_args(Precision)
        ),
        Artifact("signature", "signature.json", "the columns that a caller of the served model sends, and how"),
    ),
    sources=("**/*.py", "!tests/**", "!make_data.py"),
    in_worker=True,
    effect="compute",
    revision=3,
    needs=Needs(
        packages=(
            Package("torch", "worker"),
            Package("onnx", "worker"),
            Package("onnxruntime", "control"),
            Package("polars", "control"),
        )
    ),
)
