"""What the stages before the load test leave, made by hand around a model that says how its answers come about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import onnx
import polars as pl
from onnx import TensorProto, helper, numpy_helper

from mlagent.config.images import Serving
from mlagent.config.redact import Redactor
from mlagent.config.sections import Data, Project
from mlagent.core.context import Context, Outputs
from mlagent.core.digest import canonical_json, of_file
from mlagent.core.ports.blobs import Blobs
from mlagent.data import encode, profile, signature
from mlagent.data.schema import Column, Schema
from mlagent.engine.child import LocalChildren
from mlagent.engine.log import open_log
from mlagent.stages import load_test
from mlagent.training import encoder
from tests.stub_image import Image

QUICK: dict[str, Any] = {
    "duration_seconds": 1, "warmup_seconds": 0.2, "requests_min": 20, "p99_ms": 5000, "late_share_max": 1,
    "rate_reached_min": 0, "cpu_share_max": 1, "clock_jump_seconds_max": 60,
    "rate_per_second": 60, "golden_rows": 40,
}  # fmt: skip


def model(features: int) -> onnx.ModelProto:
    """Probabilities of two classes by a softmax."""
    weights = np.random.default_rng(1).normal(size=(features, 2)).astype(np.float32) / features
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", features])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


class Pieces:
    """Of the Blobs port, what a load test asks."""

    def __init__(self, image: Image | None) -> None:
        """Those of an image."""
        self._image = image

    def path(self, digest: str) -> Path:
        """Where one is."""
        assert self._image
        return self._image.pieces[digest]


class House:
    """A folder with what the stages before leave."""

    def __init__(self, root: Path, rows: pl.DataFrame, schema: Schema | None = None) -> None:
        """Fit the encoding, write the model behind it, its signature, the profile and the rows."""
        self.root, self.schema = root, schema
        self.shape = encode.fit(rows, 2, schema)
        known = schema or Schema(columns={name: Column(type="number") for name in rows.columns})
        shipped = model(self.shape.features)
        if self.shape.raw:
            shipped = encoder.merge(shipped, msgspec.to_builtins(self.shape.encoding), 20)
        files = {
            "onnx": shipped.SerializeToString(),
            "shape": msgspec.json.encode(self.shape),
            "signature": msgspec.json.encode(signature.of(self.shape)),
            "data-profile": canonical_json(profile.of_sample(rows, rows.height, known)),
        }
        for name, content in files.items():
            (root / name).write_bytes(content)
        rows.write_parquet(root / "test-rows")
        (root / "schema.yaml").write_bytes(msgspec.json.encode({"columns": msgspec.to_builtins(known.columns)}))
        (root / "work").mkdir()

    def run(
        self, image: Image | None = None, serving: Serving | None = None, production: Path | None = None, **changes: Any
    ) -> Outputs:
        """Run the stage, on an image where one is given, beside a model in production where one is."""
        log = open_log("lines", Redactor())
        data = Data(path="rows.csv", target="y", schema="schema.yaml" if self.schema else None)
        missing = cast("Any", None)
        context = Context(
            project=self.root, work=self.root / "work", kept=self.root, run_id="r", data=(),
            sections={"project": Project(name="toy"), "data": data, "serving": serving or Serving()},
            digests={"image": image.manifest} if image else {},
            facts={"production-model": of_file(production)} if production and production.exists() else {},
            references={"production-model": production} if production else {},
            worker=missing, tools=LocalChildren(self.root, [], log), tracker=missing, registry=missing,
            ledger=missing, remember=missing, recall=missing, approvals=missing,
            blobs=cast("Blobs", Pieces(image)),
            asked=frozenset(), labels={}, done=(), origin=cast("Any", None), log=log,
        )  # fmt: skip
        inputs = {name: self.root / name for name in load_test.STAGE.reads if name != "image"}
        inputs |= {"image": image.file} if image else {}
        return load_test.run(load_test.Config(**{**QUICK, **changes}), inputs, context)

    @property
    def written(self) -> set[str]:
        """Which of the stage's files are there."""
        return {one.name for one in load_test.STAGE.writes if (self.root / "work" / one.file).is_file()}


def outcomes(outputs: Outputs) -> Mapping[str, str]:
    """How each check ended."""
    (judged,) = outputs.verdicts
    return {one.metric: one.outcome for one in judged.checks}


def three_numbers(root: Path) -> House:
    """Around a model that takes three numbers as one input."""
    random = np.random.default_rng(1)
    return House(root, pl.DataFrame({name: random.normal(size=100) for name in "abc"}))
