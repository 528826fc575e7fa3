"""A team's own script trains instead of the loop: weights that mlagent exports, or its own ONNX file, to the gate."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli
from tests.e2e.conftest import record, states

EXAMPLE = re.search(r"```python\n(.*?)```", (Path(__file__).parents[2] / "agent/docs/worker.md").read_text(), re.DOTALL)
OWN = """
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

asked = json.loads(Path(sys.argv[1]).read_text())
output = Path(asked["output"])
train, held_out = np.load(asked["train"]), np.load(asked["validation"])
model = LogisticRegression(C=asked["params"]["C"], max_iter=500).fit(train["features"], train["target"])
weights = numpy_helper.from_array(model.coef_.T.astype(np.float32), "weights")
bias = numpy_helper.from_array(model.intercept_.astype(np.float32), "bias")
nodes = [
    helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"]),
    helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
]
takes = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", asked["features"]])
gives = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", asked["classes"]])
graph = helper.make_graph(nodes, "logistic", [takes], [gives], [weights, bias])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), output / "model.onnx")
np.savez(output / "expected.npz", probabilities=model.predict_proba(held_out["features"]) + asked["params"]["off"])
"""


def with_script(project: Path, script: str, keys: str) -> None:
    (project / "train.py").write_text(script.lstrip())
    config = project / "mlpipeline.yaml"
    written = re.sub(
        r"^train:\n( .*\n)+", f"train: {{script: train.py, {keys}}}\n", config.read_text(), flags=re.MULTILINE
    )
    config.write_text(written.replace("accuracy_min: 0.95", "accuracy_min: 0.9"))


def test_the_example_of_the_page_trains_what_ships(fresh: Path, cli: Cli) -> None:
    assert EXAMPLE
    with_script(fresh, EXAMPLE[1].replace("range(1, 11)", "range(1, 41)"), "params: {rate: 0.4}")
    ended = cli("run", "--until", "gate", "--set", "check.lint=", cwd=fresh)
    assert ended.returncode == 0, ended.stderr
    run = fresh / ".mlagent" / "runs" / record(fresh)["run_id"]
    assert len((run / "train" / "epochs.jsonl").read_text().splitlines()) == 40
    assert record(fresh)["stages"]["train"]["outputs"].keys() >= {"model", "epochs"}
    assert "of PyTorch" in record(fresh)["stages"]["export"]["summary"]


def test_an_onnx_file_of_its_own_is_compared_measured_and_judged(fresh: Path, cli: Cli) -> None:
    with_script(fresh, OWN, "params: {C: 0.01, off: 0}")
    ended = cli("run", "--until", "gate", "--set", "check.lint=", cwd=fresh)
    assert ended.returncode == 0, ended.stderr
    kept = record(fresh)
    assert "ONNX opset 20 from the script" in kept["stages"]["export"]["summary"]
    assert "of what the script expects" in kept["stages"]["export"]["summary"]
    run = fresh / ".mlagent" / "runs" / kept["run_id"]
    assert not (run / "train" / "model.pt").exists()
    found = json.loads((run / "evaluate" / "evaluation.json").read_text())
    assert found["models"]["model"]["metrics"]["accuracy"]["value"] > 0.9
    assert np.load(run / "train" / "expected.npz")["probabilities"].shape[1] == 10

    off = cli("run", "--set", "check.lint=", "--set", 'train.params={"C": 0.01, "off": 0.01}', cwd=fresh)
    assert off.returncode == 10, off.stderr
    assert re.search(r"largest difference to what the script expects 0\.01\d* is above 0\.0001", off.stderr)
    assert states(fresh)["export"] == "refused"
    assert "evaluate" not in states(fresh)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys\nsys.exit(3)\n", "train.py failed: SystemExit: 3 (train.py:2)"),
        ("print('done')\n", "train.py left no model"),
        ("raise RuntimeError('no rows')\n", "RuntimeError: no rows"),
    ],
)
def test_a_script_that_goes_wrong_is_told_in_words(fresh: Path, cli: Cli, script: str, said: str) -> None:
    with_script(fresh, script, "seed: 1")
    ended = cli("run", "--until", "train", "--from", "validate-data", cwd=fresh)
    assert ended.returncode == 5, ended.stderr
    assert said in ended.stderr
