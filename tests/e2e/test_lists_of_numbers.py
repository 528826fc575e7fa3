"""Rows with an embedding go the whole way, and the shipped file takes each as one input; a ragged one is stopped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl

from tests.conftest import Cli
from tests.e2e.conftest import record

MODEL = """
from torch import nn


def build_model(config):
    return nn.Linear(config["features"], config["outputs"])
"""
CONFIG = """
project: {name: lists}
data: {path: rows.parquet, target: y, kind: regression, schema: schema.yaml}
check: {lint: [], test: []}
split: {scaling: standard}
train: {epochs: 30, learning_rate: 0.02}
gate: {r2_min: 0.8, bias: not_applicable, bias_reason: these are no people}
load-test: {p99_ms: 500, duration_seconds: 3, warmup_seconds: 1, rate_per_second: 50, requests_min: 50}
"""


def output(project: Path, stage: str, name: str) -> Path:
    return project / ".mlagent" / "runs" / str(record(project)["run_id"]) / stage / name


def test_an_embedding_is_one_input_of_what_ships_and_a_ragged_one_is_stopped(cli: Cli, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    places = random.normal([0, 100, 0, -3], [1, 20, 1e-3, 1], (3000, 4))
    y = (places - places.mean(0)) @ [0.5, 0.02, 300, 0] + 0.1 * random.normal(size=3000)
    rows = pl.DataFrame({"place": places, "flag": random.random(3000) < 0.5, "y": y})
    rows.write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "model.py").write_text(MODEL.lstrip())
    (tmp_path / "mlpipeline.yaml").write_text(CONFIG)
    inferred = cli("data", "schema", "infer", "rows.parquet", "--out", "schema.yaml", cwd=tmp_path)
    assert inferred.returncode == 0, inferred.stderr
    ended = cli("run", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "5 features of 2 columns" in ended.stderr

    session = onnxruntime.InferenceSession(output(tmp_path, "export", "model.onnx"))
    assert [(one.name, one.shape[1:], one.type) for one in session.get_inputs()] == [
        ("place", [4], "tensor(float)"),
        ("flag", [1], "tensor(bool)"),
    ]
    test = pl.read_parquet(output(tmp_path, "split", "test-rows.parquet"))
    given = {"place": np.array(test["place"].to_list(), np.float32), "flag": test["flag"].to_numpy().reshape(-1, 1)}
    said = session.run(["prediction"], given)[0][:, 0]
    found: dict[str, Any] = json.loads(output(tmp_path, "evaluate", "evaluation.json").read_text())
    r2 = 1 - ((said - test["y"].to_numpy()) ** 2).sum() / ((test["y"] - test["y"].mean()) ** 2).sum()
    assert abs(found["models"]["model"]["metrics"]["r2"]["value"] - r2) < 1e-5
    golden = [json.loads(line) for line in output(tmp_path, "load-test", "golden.jsonl").read_text().splitlines()]
    assert {(len(one["row"]["place"]), type(one["row"]["flag"])) for one in golden} == {(4, bool)}
    asked = {"place": np.array([one["row"]["place"] for one in golden], np.float32)}
    asked["flag"] = np.array([[one["row"]["flag"]] for one in golden])
    answers = session.run(["prediction"], asked)[0][:, 0]
    assert np.allclose(answers, [one["expected"]["prediction"] for one in golden], atol=1e-4)

    ragged = rows["place"].to_list()
    ragged[41] = ragged[41][:3]
    rows.with_columns(place=pl.Series(ragged)).write_parquet(tmp_path / "rows.parquet")
    stopped = cli("run", cwd=tmp_path)
    assert stopped.returncode == 10, stopped.stderr
    assert "1 rows with place that has not 4 items, first rows.parquet row 42 (place is [" in stopped.stderr
