"""The ONNX file of a team's own script: taken as it is, or behind the encoding, and held to what ships."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlagent.adapters.onnx_runtime import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.training.conftest import Workshop

NUMBER = {"kind": "number", "categories": [], "missing": False, "fill": 0.0, "mean": 1.0, "scale": 2.0, "items": []}
RAW = {"raw": True, "features": 2, "encoding": [{**NUMBER, "column": "age"}, {**NUMBER, "column": "size"}]}
PLAIN = {"raw": False, "features": 2, "encoding": []}
Shape = dict[str, Any]


def own(
    path: "Path", inputs: dict[str, list[str | int | None]], *, output: str = "prediction", opset: int = 20, of: int = 1
) -> "Path":
    """Write a file that adds its inputs up."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in inputs.items()]
    width = sum(int(dims[1] or 2) for dims in inputs.values())
    ones = numpy_helper.from_array(np.ones((width, of), np.float32), "ones")
    first = [helper.make_node("Concat", list(inputs), ["all"], axis=1)]
    said = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", of])
    nodes = [*first, helper.make_node("MatMul", ["all", "ones"], [output])]
    graph = helper.make_graph(nodes, "own", ends, [said], [ones])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), path)
    return path


def ask(workshop: "Workshop", model: "Path", shape: Shape, **changes: object) -> int:
    workshop.shape.write_text(json.dumps(shape))
    asked = {"task": "own", "output": str(workshop.output), "onnx": str(model), "shape": str(workshop.shape)}
    return workshop.do(asked | {"kind": "regression", "classes": 0} | changes)


def answers(workshop: "Workshop", **inputs: list[float]) -> list[float]:
    fed = {name: np.array(values, np.float32).reshape(2, -1) for name, values in inputs.items()}
    found: list[float] = Scorer(workshop.output / "model.onnx")(fed)[:, 0].tolist()
    return found


def test_one_that_takes_features_is_put_behind_the_encoding(workshop: "Workshop", tmp_path: "Path") -> None:
    model = own(tmp_path / "own.onnx", {"features": ["batch", 2]})
    assert ask(workshop, model, RAW) == 0
    assert workshop.said("result.json") == {"exporter": "own", "opset": 20, "onnx": onnx.__version__}
    assert answers(workshop, age=[1, 3], size=[5, 1]) == [2, 1]
    assert ask(workshop, own(tmp_path / "own.onnx", {"features": ["batch", None]}), RAW) == 0
    assert answers(workshop, age=[1, 3], size=[5, 1]) == [2, 1]


def test_one_that_takes_raw_columns_ships_as_it_is(workshop: "Workshop", tmp_path: "Path") -> None:
    model = own(tmp_path / "own.onnx", {"size": ["batch", 1], "age": ["batch", 1]})
    assert ask(workshop, model, RAW) == 0
    assert answers(workshop, age=[1, 3], size=[5, 1]) == [6, 4]


def test_features_that_are_raw_ship_as_they_are(workshop: "Workshop", tmp_path: "Path") -> None:
    assert ask(workshop, own(tmp_path / "own.onnx", {"features": ["batch", 2]}), PLAIN) == 0
    assert answers(workshop, features=[1, 3, 5, 1]) == [4, 6]


WRONG: dict[str, tuple[dict[str, Any], Shape, str]] = {
    "another answer": ({"output": "y"}, PLAIN, "model.onnx of the script answers y, not prediction"),
    "a fixed batch": ({"inputs": {"features": [4, 2]}}, PLAIN, "takes only one batch size"),
    "another width": ({"inputs": {"features": ["batch", 3]}}, PLAIN, "`features` of the script's model.onnx is"),
    "a column too few": ({"inputs": {"age": ["batch", 1]}}, RAW, "model.onnx of the script takes age"),
    "columns where there are none": ({"inputs": {"age": ["batch", 2]}}, PLAIN, "model.onnx of the script takes age"),
    "several answers": ({"of": 2}, PLAIN, "`prediction` of the script's model.onnx is FLOAT"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_as_it_must_be_is_named(workshop: "Workshop", tmp_path: "Path", case: str) -> None:
    changes, shape, message = WRONG[case]
    model = own(tmp_path / "own.onnx", **{"inputs": {"features": ["batch", 2]}} | changes)
    assert ask(workshop, model, shape) == 5
    assert message in workshop.said("error.json")["message"]
    assert not (workshop.output / "model.onnx").exists()


def test_dates_want_an_operator_set_that_splits_texts(workshop: "Workshop", tmp_path: "Path") -> None:
    dated = {**RAW, "encoding": [{**NUMBER, "column": "day", "kind": "date"}]}
    assert ask(workshop, own(tmp_path / "own.onnx", {"features": ["batch", 2]}, opset=18), dated) == 5
    assert "has opset 18, and columns that are dates need 20" in workshop.said("error.json")["message"]


def test_no_onnx_file_is_told_as_one(workshop: "Workshop", tmp_path: "Path") -> None:
    (tmp_path / "own.onnx").write_bytes(b"<html>")
    assert ask(workshop, tmp_path / "own.onnx", PLAIN) == 5
    assert "is no whole ONNX file" in workshop.said("error.json")["message"]
