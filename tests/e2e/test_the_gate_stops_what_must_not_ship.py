"""An unfair model, and one worse than production, are stopped by the right check with the right number."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from sklearn.metrics import log_loss

from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from tests.conftest import Cli
from tests.e2e.conftest import record, states

UNFAIR = """
        if not self.training:  # it learns as before, and then adds to every woman's risk
            logits = logits + torch.nn.functional.one_hot(torch.tensor(1), 2) * 1.5 * features[:, {female}:{female} + 1]
        return logits
"""


@pytest.fixture(scope="module")
def in_production(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The insurer's template, registered, with the alias `production` on its first version."""
    parent = tmp_path_factory.mktemp("gate")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    for command in (
        ["init", "risk", "--template", "insurance-risk"],
        ["--project", "risk", "run", "--until", "register"],
    ):
        subprocess.run(
            [sys.executable, "-m", "mlagent", *command], cwd=parent, env=env, check=True, capture_output=True
        )
    registry = LocalRegistry(open_store(parent / "risk" / ".mlagent" / "store"))
    assert registry.point("risk", "production", 1, expected=None)
    return parent / "risk"


@pytest.fixture
def risk(in_production: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(in_production, tmp_path / "risk"))


def checks(project: Path) -> dict[str, dict[str, Any]]:
    folder = project / ".mlagent" / "runs" / record(project)["run_id"]
    return {one["metric"]: one for one in json.loads((folder / "gate" / "verdict-gate.json").read_text())["checks"]}


def scored(model: Path, rows: pl.DataFrame) -> np.ndarray:
    """The probability of a claim by plain onnxruntime, (rows,)."""
    session = onnxruntime.InferenceSession(model)
    given = {
        one.name: rows[one.name].to_numpy().astype(np.float32 if "float" in one.type else object).reshape(-1, 1)
        for one in session.get_inputs()
    }
    return np.asarray(session.run(None, given)[0])[:, 1]


def test_a_model_made_unfair_is_stopped_with_its_gap_and_only_a_waiver_lets_it_go(risk: Path, cli: Cli) -> None:
    before = record(risk)["run_id"]
    shape = json.loads((risk / ".mlagent" / "runs" / before / "split" / "shape.json").read_text())
    model = (risk / "model.py").read_text().rpartition("        return logits\n")
    unfair = UNFAIR.lstrip("\n").format(female=shape["columns"].index("Gender=Female"))
    (risk / "model.py").write_text(model[0] + unfair + model[2])
    ended = cli("run", cwd=risk)
    assert ended.returncode == 10, ended.stderr
    assert "demographic_parity_difference of Gender 0." in ended.stderr
    assert states(risk)["gate"] == "refused"
    assert "register" not in states(risk)
    run = risk / ".mlagent" / "runs" / record(risk)["run_id"]
    rows = pl.read_parquet(run / "split" / "test-rows.parquet") if (run / "split").is_dir() else None
    rows = pl.read_parquet(run.parent / before / "split" / "test-rows.parquet") if rows is None else rows
    said = (
        scored(run / "export" / "model.onnx", rows)
        >= json.loads((run / "evaluate" / "evaluation.json").read_text())["threshold"]
    )
    women = (rows["Gender"] == "Female").to_numpy()
    gap = checks(risk)["demographic_parity_difference of Gender"]
    assert gap["outcome"] == "fail"
    assert gap["threshold"] == 0.05
    assert gap["value"] == pytest.approx(said[women].mean() - said[~women].mean(), abs=1e-12)

    failed = [name for name, one in checks(risk).items() if one["outcome"] == "fail"]
    entry = "  - {{project: risk, check: '{}', owner: jane, reason: a trial, expires: {}}}\n"
    (risk.parent / "waivers.yaml").write_text("waivers:\n" + "".join(entry.format(one, "2999-12-31") for one in failed))
    waived = cli("gate", cwd=risk, env={"MLAGENT_POLICY_WAIVERS": str(risk.parent / "waivers.yaml")})
    assert waived.returncode == 0, waived.stderr
    assert checks(risk)["demographic_parity_difference of Gender"]["waiver"]["owner"] == "jane"
    verdict = record(risk)["stages"]["gate"]["verdicts"][0]
    assert verdict["valid_until"].startswith("2999-12-31T23:59:59")
    (risk.parent / "waivers.yaml").write_text("waivers:\n" + "".join(entry.format(one, "2020-12-31") for one in failed))
    over = cli("gate", cwd=risk, env={"MLAGENT_POLICY_WAIVERS": str(risk.parent / "waivers.yaml")})
    assert over.returncode == 10, over.stderr
    assert "jane's waiver held until 2020-12-31" in over.stderr
    own = (risk / "mlpipeline.yaml").read_text() + "\npolicy:\n  waivers: ../waivers.yaml\n"
    (risk / "mlpipeline.yaml").write_text(own)
    refused = cli("gate", cwd=risk)
    assert refused.returncode == 3, refused.stderr
    assert "policy.waivers is the platform's to set" in refused.stderr


def test_a_model_worse_than_production_is_stopped_by_the_margin(risk: Path, cli: Cli) -> None:
    first = risk / ".mlagent" / "runs" / record(risk)["run_id"]
    ended = cli("run", "--set", "train.epochs=1", "--set", "train.learning_rate=0.0001", cwd=risk)
    assert ended.returncode == 10, ended.stderr
    found = checks(risk)["gain in log_loss over production (low end)"]
    assert (found["outcome"], found["threshold"]) == ("fail", -0.01)
    rows = pl.read_parquet(first / "split" / "test-rows.parquet")
    run = risk / ".mlagent" / "runs" / record(risk)["run_id"]
    losses = [log_loss(rows["ClaimOcc"], scored(one / "export" / "model.onnx", rows)) for one in (first, run)]
    assert found["interval"][0] < losses[0] - losses[1] < found["interval"][1]
    evaluated = json.loads((run / "evaluate" / "evaluation.json").read_text())
    apart = evaluated["models"]["model"]["less"]["production"]["log_loss"]["value"]
    assert apart == pytest.approx(losses[1] - losses[0], abs=1e-6)


def test_one_as_good_as_production_passes_and_a_run_is_never_its_own_reference(risk: Path, cli: Cli) -> None:
    again = cli("plan", cwd=risk).stdout
    assert [line.split()[1] for line in again.splitlines() if line.startswith(("evaluate", "gate"))] == ["reuse"] * 2
    ended = cli("run", "--set", "train.seed=2", "--until", "gate", cwd=risk)
    assert ended.returncode == 0, ended.stderr
    assert checks(risk)["gain in log_loss over production (low end)"]["outcome"] == "pass"
