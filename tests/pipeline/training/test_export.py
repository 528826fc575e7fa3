"""The ONNX file: it computes what PyTorch computes, for any batch, and holds nothing but the model."""

import hashlib
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from mlagent.adapters.onnx_runtime import Scorer
from mlagent.errors import InputError
from mlagent.measure import parity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.training.conftest import Workshop

LINEAR = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 3)
        {setup}

    def forward(self, features):
        {forward}

def build_model(config):
    return Net()
"""


def linear(forward: str, setup: str = "pass") -> str:
    """Give a model file whose forward stands on line 12."""
    return LINEAR.replace("{forward}", forward).replace("{setup}", setup)


@pytest.fixture
def exported(workshop: "Workshop") -> "Workshop":
    """Give a workshop with a trained and exported model."""
    assert workshop.do(workshop.training()) == 0
    assert workshop.do(workshop.exporting()) == 0
    return workshop


def scores(path: "Path", features: np.ndarray) -> np.ndarray:
    """Run an ONNX file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["probabilities"], {"features": features})[0]
    return found


def test_onnx_runtime_answers_what_pytorch_answered(exported: "Workshop") -> None:
    with np.load(exported.validation) as rows, np.load(exported.output / "expected.npz") as wanted:
        features, expected = rows["features"], wanted["probabilities"]
    assert (expected.dtype, expected.shape) == (np.float32, (33, 3))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(scores(exported.output / "model.onnx", features), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["regression", "count"])
def test_a_number_ships_as_one_and_a_count_as_what_is_expected(workshop: "Workshop", kind: str) -> None:
    for path in (workshop.train, workshop.validation):
        with np.load(path) as rows:
            np.savez(path, features=rows["features"], target=rows["target"].astype(np.float32))
    workshop.model("from torch import nn\ndef build_model(config):\n    return nn.Linear(16, config['outputs'])\n")
    asked = {"kind": kind, "classes": 0}
    assert workshop.do(workshop.training(**asked)) == 0
    assert workshop.do(workshop.exporting(**asked)) == 0
    with np.load(workshop.validation) as rows, np.load(workshop.output / "expected.npz") as wanted:
        assert wanted.files == ["prediction"]
        features, expected = rows["features"], wanted["prediction"]
    weights = torch.load(workshop.output / "model.pt", weights_only=True)
    plain = features @ weights["weight"].numpy().T + weights["bias"].numpy()
    assert (expected.dtype, expected.shape) == (np.float32, (33, 1))
    np.testing.assert_allclose(expected, np.exp(plain) if kind == "count" else plain, rtol=1e-5, atol=1e-6)
    score = Scorer(workshop.output / "model.onnx")
    np.testing.assert_allclose(score({"features": features}), expected, rtol=1e-5, atol=1e-6)
    assert score({"features": features[:1]}).shape == (1, 1)
    assert parity.compare(score({"features": features}), workshop.output / "expected.npz").largest < 1e-5
    with pytest.raises(InputError, match=r"model\.onnx does not take these rows: .*[Gg]ot invalid dimensions"):
        score({"features": features[:, 1:]})


def test_a_file_that_gives_something_else_is_refused_by_name(tmp_path: "Path") -> None:
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 1]) for name in ("x", "label")]
    node = onnx.helper.make_node("Identity", ["x"], ["label"])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", ends[:1], ends[1:]), opset_imports=[onnx.helper.make_opsetid("", 18)]
    )
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(InputError, match=r"m\.onnx gives label, and neither probabilities nor prediction"):
        Scorer(tmp_path / "m.onnx")


@pytest.mark.parametrize("rows", [1, 2, 7, 500])
def test_it_takes_any_number_of_rows(exported: "Workshop", rows: int) -> None:
    features = np.random.default_rng(9).normal(size=(rows, 16)).astype(np.float32)
    together = scores(exported.output / "model.onnx", features)
    assert together.shape == (rows, 3)
    np.testing.assert_allclose(together[-1:], scores(exported.output / "model.onnx", features[-1:]), atol=1e-6)


def test_the_checkpoint_is_what_is_exported(exported: "Workshop") -> None:
    weights = torch.load(exported.output / "model.pt", weights_only=True)
    model = onnx.load(exported.output / "model.onnx")
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(held["model.out.weight"], weights["out.weight"].numpy())


def test_the_same_checkpoint_gives_the_same_bytes_wherever_it_lies(exported: "Workshop", tmp_path: "Path") -> None:
    def digests() -> list[str]:
        paths = (exported.output / name for name in ("model.onnx", "expected.npz", "result.json"))
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    first = digests()
    elsewhere = tmp_path / "elsewhere"
    exported.project.rename(elsewhere)
    with exported.start(exported.exporting(project=str(elsewhere)), PYTHONHASHSEED="7") as process:
        told = process.communicate()[1]
    assert (process.returncode, told) == (0, "")
    assert digests() == first


def test_the_file_holds_no_path_no_trace_and_no_source_line(exported: "Workshop", tmp_path: "Path") -> None:
    data = (exported.output / "model.onnx").read_bytes()
    for word in (str(tmp_path), "model.py", "site-packages", "stack_trace", "forward", "Net"):
        assert word.encode() not in data
    with zipfile.ZipFile(exported.output / "expected.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_weights_lie_inside_the_one_file(exported: "Workshop") -> None:
    model = onnx.load(exported.output / "model.onnx", load_external_data=False)
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert {path.name for path in exported.output.iterdir()} == {
        "environment.txt", "model.pt", "epochs.jsonl", "model.onnx", "expected.npz", "result.json",
    }  # fmt: skip


def test_the_result_names_the_tools(exported: "Workshop") -> None:
    wanted = {"exporter": "dynamo", "opset": 18, "torch": torch.__version__, "onnx": onnx.__version__}
    assert exported.said("result.json") == wanted


@pytest.mark.parametrize("opset", [18, 23])
def test_the_operator_set_is_the_one_asked_for(workshop: "Workshop", opset: int) -> None:
    workshop.do(workshop.training(epochs=1))
    assert workshop.do(workshop.exporting(opset=opset)) == 0
    model = onnx.load(workshop.output / "model.onnx")
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [opset]


BAD_MODELS = {
    "a branch on values": (
        linear("return self.out(features) if features.sum() > 0 else -self.out(features)"),
        "(model.py:12)",
        "torch.where",
    ),
    "a fixed batch": (
        linear("return self.out(features.reshape(1, 16))"),
        "failed on (3, 16) features: RuntimeError: shape '[1, 16]' is invalid",
        "pytest",
    ),
    "a random part outside the state": (
        linear("return self.out(features) * self.scale", "self.scale = torch.rand(3)"),
        "answers differently each time it is restored",
        "parameters and buffers",
    ),
    "dropout that is always on": (
        linear("return nn.functional.dropout(self.out(features), 0.5)"),
        "answers differently each time it is restored",
        "self.training",
    ),
    "another layer": (
        linear("return self.last(features)", "self.last = self.out; del self.out"),
        "(built at model.py:14): RuntimeError: Error(s) in loading state_dict for Net: Missing key(s)",
        "train again, or restore build_model",
    ),
    "an exception": (linear("raise ValueError('no')"), "ValueError: no (model.py:12)", "pytest"),
}


@pytest.mark.parametrize(("source", "message", "hint"), BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_model_that_cannot_ship_is_the_teams_to_mend(
    workshop: "Workshop", source: str, message: str, hint: str
) -> None:
    torch.save(torch.nn.ModuleDict({"out": torch.nn.Linear(16, 3)}).state_dict(), workshop.output / "model.pt")
    workshop.model(source)
    assert workshop.do(workshop.exporting()) == 5
    error = workshop.said("error.json")
    assert error["category"] == "team-code"
    assert message in error["message"]
    assert hint in error["hint"]
    assert not (workshop.output / "model.onnx").exists()


def test_a_checkpoint_that_is_not_one_is_an_input_error(workshop: "Workshop") -> None:
    (workshop.output / "model.pt").write_bytes(b"no weights")
    assert workshop.do(workshop.exporting()) == 4
    assert workshop.said("error.json")["message"].startswith("the checkpoint model.pt cannot be read")


def test_a_checkpoint_that_would_run_code_is_refused(workshop: "Workshop") -> None:
    torch.save({"out.weight": workshop.project}, workshop.output / "model.pt")
    assert workshop.do(workshop.exporting()) == 4


def test_a_missing_checkpoint_is_an_input_error(workshop: "Workshop") -> None:
    assert workshop.do(workshop.exporting()) == 4
    assert workshop.said("error.json")["hint"] == "train again"


def test_a_probe_of_another_width_is_refused(workshop: "Workshop") -> None:
    assert workshop.do(workshop.exporting(features=17)) == 4
    assert workshop.said("error.json")["message"] == "validation.npz: features has 16 columns, not 17"


def test_an_operator_set_before_18_is_refused(workshop: "Workshop") -> None:
    assert workshop.do(workshop.exporting(opset=17)) == 70
    assert workshop.said("error.json")["message"] == "the request's opset is 17; the least is 18"


def test_an_operator_set_of_the_future_is_refused(workshop: "Workshop") -> None:
    workshop.do(workshop.training(epochs=1))
    assert workshop.do(workshop.exporting(opset=99)) == 70
    assert not (workshop.output / "model.onnx").exists()
