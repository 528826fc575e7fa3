"""Measure the exported ONNX model, the one that ships, on rows that training never saw."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose yet: the part and the metrics follow from the data."""


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Score the test part with ONNX Runtime; judging is left to the gate."""
    from mlagent.adapters.onnx_runtime import Scorer
    from mlagent.core.context import Outputs
    from mlagent.data import encode, split
    from mlagent.measure.classification import measure

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    rows, (_, target) = split.load_rows(inputs["test-rows"]), split.load(inputs["test-part"])
    metrics = measure(Scorer(inputs["onnx"])(encode.inputs(shape, rows)), target)
    (ctx.work / "metrics.json").write_bytes(msgspec.json.format(msgspec.json.encode(metrics)))
    low, high = metrics.accuracy_interval
    return Outputs(
        summary=f"accuracy {metrics.accuracy:.4f} (95 %: {low:.4f} to {high:.4f}) on {metrics.rows} unseen rows,"
        f" log loss {metrics.log_loss:.4f}, commonest class {metrics.baseline_accuracy:.4f}"
    )


STAGE = Stage(
    name="evaluate",
    title="Evaluate what ships",
    about="Scores the exported ONNX model with ONNX Runtime on the test part, which training never saw.",
    config=Config,
    run=run,
    reads=("onnx", "shape", "test-part", "test-rows"),
    writes=(Artifact("metrics", "metrics.json", "accuracy with its interval, log loss, F1, the trivial baseline"),),
    effect="compute",
    needs=Needs(packages=(Package("polars", "control"), Package("onnxruntime", "control"))),
)
