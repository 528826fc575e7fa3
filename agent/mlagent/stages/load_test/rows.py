"""Golden rows: as callers send them, each with what ONNX Runtime answers here to it alone."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.context import Context
from mlagent.loadtest.golden import Golden
from mlagent.stages.load_test.settings import Config

if TYPE_CHECKING:
    from polars import DataFrame

    from mlagent.data.encode import Shape


def make(config: Config, inputs: Mapping[str, Path], ctx: Context) -> list[Golden]:
    """Rows with the answers that are expected: by the path that the gate judged, one at a time as requests come."""
    from mlagent.adapters.onnx_runtime import Scorer
    from mlagent.data import encode, golden

    shape = msgspec.json.decode(inputs["shape"].read_bytes(), type=encode.Shape)
    rows, score = _rows(config, shape, inputs, ctx), Scorer(inputs["onnx"])
    arrays = encode.inputs(shape, rows)
    answers = (score({name: one[at : at + 1] for name, one in arrays.items()}) for at in range(rows.height))
    expected = ([one if isfinite(one) else None for one in answer.ravel().tolist()] for answer in answers)
    return [
        Golden(row=row, expected={score.answer: answer if len(answer) > 1 else answer[0]})
        for row, answer in zip(golden.as_json(shape, rows), expected, strict=True)
    ]


def _rows(config: Config, shape: "Shape", inputs: Mapping[str, Path], ctx: Context) -> "DataFrame":
    from mlagent.data import golden, schema_file, split
    from mlagent.measure.profile import Profile

    if config.golden == "test-rows":
        return split.load_rows(inputs["test-rows"]).head(config.golden_rows)
    data = ctx.sections["data"]
    schema = schema_file.load(ctx.project / data.schema, data.schema) if data.schema else None
    known = msgspec.json.decode(inputs["data-profile"].read_bytes(), type=Profile)
    return golden.synthetic(shape, schema, known, config.golden_rows, config.seed)
