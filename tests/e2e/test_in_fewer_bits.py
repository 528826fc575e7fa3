"""The model in half floats and in 8 bits: made beside what ships or instead of it, measured and judged like it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from tests.conftest import Cli
from tests.e2e.conftest import record


def folder(project: Path) -> Path:
    return project / ".mlagent" / "runs" / str(record(project)["run_id"])


def gate(project: Path) -> dict[str, dict[str, Any]]:
    verdict = json.loads((folder(project) / "gate" / "verdict-gate.json").read_text())
    return {one["metric"]: one for one in verdict["checks"]}


def accuracy(project: Path, file: str) -> float:
    """What a plain session says of the test rows."""
    rows = np.load(folder(project) / "split" / "test.npz")
    session = onnxruntime.InferenceSession(folder(project) / "export" / file)
    said = session.run(["probabilities"], {"features": rows["features"]})[0]
    return float((said.argmax(1) == rows["target"]).mean())


def test_variants_are_measured_and_judged_beside_what_ships(digits: Path, cli: Cli) -> None:
    ended = cli("run", "--until", "gate", "--set", "export.variants=fp16 int8", cwd=digits)
    assert ended.returncode == 0, ended.stderr
    assert record(digits)["stages"]["train"]["state"] == "done"
    found = json.loads((folder(digits) / "evaluate" / "evaluation.json").read_text())["models"]
    assert list(found) == ["model", "fp16", "int8"]
    assert "fp16: accuracy 0.9" in ended.stdout + ended.stderr
    judged = gate(digits)
    for name, file in (("", "model.onnx"), ("fp16: ", "model-fp16.onnx"), ("int8: ", "model-int8.onnx")):
        assert judged[f"{name}accuracy"]["value"] == found[name[:-2] or "model"]["metrics"]["accuracy"]["value"]
        assert abs(judged[f"{name}accuracy"]["value"] - accuracy(digits, file)) < 1e-9
    sizes = {one: (folder(digits) / "export" / f"model{one}.onnx").stat().st_size for one in ("", "-fp16", "-int8")}
    assert sizes["-fp16"] < sizes[""]
    assert sizes["-int8"] < sizes[""]


def test_a_variant_too_far_from_what_was_trained_stops_the_build(digits: Path, cli: Cli) -> None:
    ended = cli("run", "--set", "export.variants=int8", "--set", "export.tolerance_int8=1e-6", cwd=digits)
    assert ended.returncode == 10, ended.stderr
    assert "largest difference to PyTorch, int8" in ended.stderr


def test_what_ships_may_be_of_half_floats(digits: Path, cli: Cli) -> None:
    quick = ("--set", "load-test.duration_seconds=3")
    changes = ("--set", "export.precision=fp16", "--set", "export.variants=fp32")
    ended = cli("run", "--until", "load-test", *changes, *quick, "--set", "load-test.requests_min=100", cwd=digits)
    assert ended.returncode == 0, ended.stderr
    ships, plain = ((folder(digits) / "export" / one).stat().st_size for one in ("model.onnx", "model-fp32.onnx"))
    assert ships < plain
    assert accuracy(digits, "model.onnx") == gate(digits)["accuracy"]["value"]
