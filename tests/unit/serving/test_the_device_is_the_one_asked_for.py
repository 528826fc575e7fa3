"""A GPU that cannot be had is an error at the start, with what to do, unless the CPU may compute instead."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from mlagent.serving.faults import CannotServe
from mlagent.serving.onnx import OnnxModel


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    path = tmp_path / "doubling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def doubles(model: OnnxModel) -> bool:
    return bool((model(["y"], {"x": np.ones((1, 2), np.float32)})[0] == 2).all())


def test_the_cpu_is_what_is_used_without_a_word(doubling: Path) -> None:
    model = OnnxModel(doubling, threads=1)
    assert model.device == "cpu"
    assert doubles(model)


def test_a_gpu_that_this_onnxruntime_cannot_use_is_refused_with_what_to_do(doubling: Path) -> None:
    with pytest.raises(CannotServe) as refused:
        OnnxModel(doubling, threads=1, device="cuda")
    said = str(refused.value)
    for part in (f"onnxruntime {onnxruntime.__version__}", "CPUExecutionProvider", "mlagent[serve-gpu]", "--allow-cpu"):
        assert part in said


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available:UserWarning")
def test_a_gpu_that_onnxruntime_has_a_part_for_but_does_not_find_is_refused_too(
    doubling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    with pytest.raises(CannotServe, match="could not use the GPU"):
        OnnxModel(doubling, threads=1, device="cuda")
    model = OnnxModel(doubling, threads=1, device="cuda", fallback=True)
    assert model.device == "cpu"
    assert doubles(model)


def test_the_cpu_computes_where_that_is_allowed(doubling: Path) -> None:
    model = OnnxModel(doubling, threads=1, device="cuda", fallback=True)
    assert model.device == "cpu"
    assert doubles(model)
