"""A number and a count go the whole way that a class goes: from the rows to the answer of the served model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from sklearn.metrics import mean_poisson_deviance, r2_score

from tests.conftest import Cli
from tests.e2e.conftest import record, states

MODEL = """
from torch import nn


def build_model(config):
    return nn.Linear(config["features"], config["outputs"])
"""
CONFIG = """
project: {{name: {kind}}}
data: {{path: rows.csv, target: y, kind: {kind}}}
check: {{lint: [], test: []}}
train: {{epochs: 30, learning_rate: 0.02}}
gate: {{{limit}, bias: not_applicable, bias_reason: these are no people}}
load-test: {{p99_ms: 500, duration_seconds: 3, warmup_seconds: 1, rate_per_second: 50, requests_min: 50}}
"""
LIMITS = {"regression": "r2_min: 0.8", "count": "poisson_deviance_max: 1.3, mean_prediction_ratio_min: 0.85"}


def write(folder: Path, kind: str, **columns: np.ndarray) -> pl.DataFrame:
    """A project of 3000 rows whose target depends on both of two columns."""
    folder.mkdir()
    random = np.random.default_rng(1)
    one, two = random.normal(size=(2, 3000)).round(4)
    signal = 0.5 * one - 0.8 * two
    y = random.poisson(np.exp(signal)) if kind == "count" else (2 + signal + 0.3 * random.normal(size=3000)).round(4)
    rows = pl.DataFrame({"one": one, "two": two, **columns, "y": y})
    rows.write_csv(folder / "rows.csv")
    (folder / "model.py").write_text(MODEL.lstrip())
    (folder / "mlpipeline.yaml").write_text(CONFIG.format(kind=kind, limit=LIMITS[kind]))
    return rows


def output(project: Path, stage: str, name: str) -> Path:
    return project / ".mlagent" / "runs" / str(record(project)["run_id"]) / stage / name


def read(project: Path, stage: str, name: str) -> dict[str, Any]:
    return json.loads(output(project, stage, name).read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["regression", "count"])
def test_a_number_goes_the_whole_way_and_is_measured_as_one(kind: str, cli: Cli, tmp_path: Path) -> None:
    project = tmp_path / kind
    write(project, kind)
    ended = cli("run", cwd=project)
    assert ended.returncode == 0, ended.stderr
    assert set(states(project).values()) == {"done", "off"}, states(project)

    rows = pl.read_parquet(output(project, "split", "test-rows.parquet"))
    session = onnxruntime.InferenceSession(output(project, "export", "model.onnx"))
    features = rows.select("one", "two").to_numpy().astype(np.float32)
    said = session.run(["prediction"], {"features": features})[0]
    assert said.shape == (rows.height, 1)
    found = read(project, "evaluate", "evaluation.json")
    assert (found["task"], found["rows"], found["labels"]) == (kind, rows.height, [])
    name, score = ("r2", r2_score) if kind == "regression" else ("poisson_deviance", mean_poisson_deviance)
    figure, plain = found["models"]["model"]["metrics"][name], found["others"]["constant"][name]
    assert figure["value"] == pytest.approx(score(rows["y"], said[:, 0].astype(np.float64)), rel=1e-5)
    assert figure["low"] < figure["value"] < figure["high"]
    mean = np.load(output(project, "split", "train.npz"))["target"].mean()
    assert plain["value"] == pytest.approx(score(rows["y"], np.full(rows.height, float(mean))), abs=1e-5)

    checks = {one["metric"]: one for one in read(project, "gate", "verdict-gate.json")["checks"]}
    assert {one["outcome"] for one in checks.values()} == {"pass"}
    assert checks[name]["value"] == figure["value"]
    assert f"gain in {name} over a constant answer (low end)" in checks
    latency = read(project, "load-test", "verdict-load-test.json")["checks"]
    names = (
        "golden rows not as expected",
        "p99 latency",
        "error rate",
        "wrong answers",
        "faults of the measurement",
    )
    assert [(one["metric"], one["outcome"]) for one in latency] == [(name, "pass") for name in names]


def test_a_column_that_holds_the_number_stops_the_split_with_its_figure(cli: Cli, tmp_path: Path) -> None:
    project = tmp_path / "leak"
    rows = write(project, "regression")
    leaked = rows.with_columns(paid=pl.Series(np.exp(2 * rows["y"].to_numpy()))).select("one", "paid", "two", "y")
    leaked.write_csv(project / "rows.csv")
    ended = cli("run", "--until", "gate", cwd=project)
    assert ended.returncode == 10, ended.stderr
    assert states(project)["split"] == "refused"
    checks = {one["metric"]: one for one in read(project, "split", "verdict-split.json")["checks"]}
    assert set(checks) == {
        "share of other rows whose features the training part holds too",
        "target given away by paid",
    }
    # fifty equal bins of ranks that are its own: 1/50² of their variance is left within them
    assert checks["target given away by paid"]["value"] == pytest.approx(1 - 1 / 50**2, abs=2e-4)
    assert checks["target given away by paid"]["outcome"] == "fail"

    (project / "mlpipeline.yaml").write_text(
        (project / "mlpipeline.yaml").read_text().replace("kind: regression}", "kind: regression, exclude: [paid]}")
    )
    mended = cli("run", "--until", "split", cwd=project)
    assert mended.returncode == 0, mended.stderr
    given = next(
        one for one in read(project, "split", "verdict-split.json")["checks"] if "away by two" in one["metric"]
    )
    assert given["value"] == pytest.approx(0.7, abs=0.1)


def test_a_row_that_is_no_count_is_named(cli: Cli, tmp_path: Path) -> None:
    project = tmp_path / "half"
    rows = write(project, "count").with_columns(pl.col("y").cast(pl.Float64))
    rows[1234, "y"] = 2.5
    rows.write_csv(project / "rows.csv")
    ended = cli("run", "--until", "split", cwd=project)
    assert ended.returncode == 4, ended.stderr
    assert "rows.csv: 'y' is 2.5 in data row 1235, not a count: whole and not below 0" in ended.stderr
