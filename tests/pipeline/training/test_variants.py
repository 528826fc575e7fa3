"""The same model in fewer bits: close to what was trained, smaller, float32 at both ends, equal bytes each time."""

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch

from mlagent.adapters.onnx_runtime import Scorer
from mlagent.measure import parity
from mlagent.training import onnxfile

if TYPE_CHECKING:
    from tests.pipeline.training.conftest import Workshop

WIDE = """
from torch import nn

def build_model(config):
    return nn.Sequential(nn.Linear(16, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, config["outputs"]))
"""
TOLERANCES = {"fp16": 5e-3, "int8": 0.05}


def exported(workshop: "Workshop", **changes: object) -> dict[str, bytes]:
    assert workshop.do(workshop.training(epochs=4)) == 0
    assert workshop.do(workshop.exporting(**changes)) == 0
    return {path.name: path.read_bytes() for path in workshop.output.glob("*.onnx")}


def apart(workshop: "Workshop", name: str) -> float:
    with np.load(workshop.validation) as rows:
        answers = Scorer(workshop.output / name)({"features": rows["features"]})
    return parity.compare(answers, workshop.output / "expected.npz").largest


@pytest.mark.parametrize("model", ["convolutions", "wide"])
def test_variants_stand_beside_what_ships(workshop: "Workshop", model: str) -> None:
    if model == "wide":
        workshop.model(WIDE)
    made = exported(workshop, variants=["fp16", "int8"])
    assert set(made) == {"model.onnx", "model-fp16.onnx", "model-int8.onnx"}
    assert apart(workshop, "model.onnx") <= 1e-5
    for precision, tolerance in TOLERANCES.items():
        assert 0 < apart(workshop, f"model-{precision}.onnx") <= tolerance
        proto = onnx.load_from_string(made[f"model-{precision}.onnx"])
        assert {end.type.tensor_type.elem_type for end in (*proto.graph.input, *proto.graph.output)} == {1}
        assert onnxfile.free_batch(proto)
    if model == "wide":
        assert len(made["model-fp16.onnx"]) < 0.6 * len(made["model.onnx"])
        assert len(made["model-int8.onnx"]) < 0.4 * len(made["model.onnx"])
    assert workshop.said("result.json")["onnxruntime in the worker"]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_what_ships_may_be_one_of_them(workshop: "Workshop", precision: str) -> None:
    made = exported(workshop, precision=precision, variants=["fp32"])
    assert set(made) == {"model.onnx", "model-fp32.onnx"}
    assert 0 < apart(workshop, "model.onnx") <= TOLERANCES[precision]
    assert apart(workshop, "model-fp32.onnx") <= 1e-5


def test_equal_requests_give_equal_bytes(workshop: "Workshop") -> None:
    first = exported(workshop, variants=["fp16", "int8"])
    assert workshop.do(workshop.exporting(variants=["fp16", "int8"])) == 0
    assert {path.name: path.read_bytes() for path in workshop.output.glob("*.onnx")} == first


def test_an_environment_without_onnx_runtime_cannot_make_them(
    workshop: "Workshop", monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workshop.do(workshop.training()) == 0
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert workshop.do(workshop.exporting()) == 0
    assert workshop.do(workshop.exporting(variants=["int8"])) == 3
    said = workshop.said("error.json")
    assert "needs the Python package" in said["message"]
    assert "add onnxruntime to what the project requires" in said["hint"]


def fails(*_: object) -> onnx.ModelProto:
    raise RuntimeError("the newer one cannot follow this")


def test_the_older_exporter_is_tried_and_recorded(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxfile, "export", fails)
    exported(workshop)
    assert workshop.said("result.json")["exporter"] == "legacy"
    assert apart(workshop, "model.onnx") <= 1e-5


def test_it_may_not_ship_the_one_branch_that_it_saw(workshop: "Workshop") -> None:
    workshop.model(
        "import torch\nfrom torch import nn\nclass Net(nn.Linear):\n    def forward(self, rows):\n"
        "        said = super().forward(rows)\n        return said if rows.sum() > 0 else -said\n"
        "def build_model(config):\n    return Net(16, config['outputs'])\n"
    )
    assert workshop.do(workshop.training()) == 0
    assert workshop.do(workshop.exporting()) == 5
    assert "torch cannot export the model (built at model.py:7)" in workshop.said("error.json")["message"]


def test_the_exporter_is_recorded(workshop: "Workshop") -> None:
    exported(workshop)
    said = workshop.said("result.json")
    assert (said["exporter"], said["torch"]) == ("dynamo", torch.__version__)
