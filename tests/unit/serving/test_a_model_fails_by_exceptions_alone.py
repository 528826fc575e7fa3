"""Shapes and values that a model refuses are raised to whoever asked, and nothing more is written."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlagent.serving.execution import Timing, measure
from mlagent.serving.onnx import OnnxModel


@pytest.fixture
def seven(tmp_path: Path) -> OnnxModel:
    """A model that takes 7 x 3 values, though its shapes say that any number will do."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "columns"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b"])
    shape = numpy_helper.from_array(np.array([7, 3]), "shape")
    graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "seven", [x], [y], [shape])
    path = tmp_path / "seven.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return OnnxModel(path, threads=1)


def test_what_fails_is_raised_and_nothing_is_written(seven: OnnxModel, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="cannot be reshaped"):
        seven(["y"], {"x": np.zeros((2, 2), np.float32)})
    assert seven(["y"], {"x": np.zeros((3, 7), np.float32)})[0].shape == (7, 3)
    assert capfd.readouterr() == ("", "")


def test_a_model_that_takes_nothing_made_up_is_timed_in_silence(
    seven: OnnxModel, capfd: pytest.CaptureFixture[str]
) -> None:
    assert measure(seven) == Timing((), sure=False, batchable=False)
    assert capfd.readouterr() == ("", "")
