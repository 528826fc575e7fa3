"""The insurer's template from its first run to the gate; next rows pass, a portfolio that moved and leaks do not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.e2e.conftest import record, states


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template after a run up to the gate, which accepts its rows."""
    parent = tmp_path_factory.mktemp("insurer")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent"]
    subprocess.run(
        [*command, "init", "risk", "--template", "insurance-risk"], cwd=parent, env=env, check=True, capture_output=True
    )
    ended = subprocess.run(
        [*command, "run", "--until", "gate"], cwd=parent / "risk", env=env, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return parent / "risk"


@pytest.fixture
def risk(accepted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(accepted, tmp_path / "risk"))


def make(project: Path, *args: str) -> None:
    subprocess.run([sys.executable, "make_data.py", *args], cwd=project, check=True, capture_output=True)


def test_the_first_run_reaches_the_gate_and_judges_rows_and_parts(accepted: Path) -> None:
    assert list(states(accepted)) == ["check", "validate-data", "split", "train", "export", "evaluate", "gate"]
    assert set(states(accepted).values()) == {"done"}
    stages = record(accepted)["stages"]
    checks = {one["metric"]: one for one in stages["validate-data"]["verdicts"][0]["checks"]}
    assert checks["rows with policy_id of an earlier row"]["samples"] == 68_000
    assert checks["rows with 'a claim has an amount' broken"]["value"] == 0


def test_next_weeks_rows_are_compared_and_pass(risk: Path, cli: Cli) -> None:
    assert cli("data", "changed", cwd=risk).stdout == "unchanged\n"
    make(risk, "--seed", "2")
    assert cli("data", "changed", cwd=risk).stdout == "changed\n"
    ended = cli("run", "--until", "validate-data", cwd=risk)
    assert ended.returncode == 0, ended.stderr
    checks = record(risk)["stages"]["validate-data"]["verdicts"][0]["checks"]
    moved = [one["value"] for one in checks if one["metric"].startswith("PSI")]
    assert len(moved) == 10
    assert max(moved) < 0.001
    assert cli("data", "changed", cwd=risk).stdout == "unchanged\n"


def test_a_portfolio_that_moved_is_stopped_before_any_training(risk: Path, cli: Cli) -> None:
    make(risk, "--seed", "3", "--drift", "1")
    ended = cli("run", cwd=risk)
    assert ended.returncode == 10, ended.stderr
    assert "Error: data: PSI of VehValue against the rows accepted last" in ended.stderr
    assert states(risk) == {"check": "done", "validate-data": "refused"}


def test_a_column_that_holds_the_answer_is_stopped(risk: Path, cli: Cli) -> None:
    ended = cli("run", "--set", "data.exclude=month", cwd=risk)
    assert ended.returncode == 10, ended.stderr
    assert "target given away by ClaimNb 1 is above 0.95" in ended.stderr
    assert "target given away by ClaimAmount 1 is above 0.95" in ended.stderr


def test_a_broken_row_is_shown_with_its_number_and_no_policy_number_is(risk: Path, cli: Cli) -> None:
    lines = (risk / "data" / "policies.csv").read_text().splitlines()
    fields = lines[4321].split(",")
    fields[2], fields[9] = "space ships", "12345"
    lines[4321] = ",".join(fields)
    (risk / "data" / "policies.csv").write_text("\n".join([*lines, ""]))
    ended = cli("run", cwd=risk)
    assert ended.returncode == 10, ended.stderr
    assert "data/policies.csv row 4321 (VehAge is space ships)" in ended.stderr
    assert "row 4321 (policy_id is [masked])" in ended.stderr
    run = risk / ".mlagent" / "runs" / record(risk)["run_id"]
    assert "12345" not in (run / "validate-data" / "data-report.json").read_text()


def test_the_real_policies_go_in_by_one_line(risk: Path, cli: Cli) -> None:
    """The real file where MLAGENT_TEST_DATA names its folder; else the same columns, generated, as Parquet would be."""
    real = Path(os.environ.get("MLAGENT_TEST_DATA", "")) / "ausprivauto0405.parquet"
    name = "ausprivauto0405.parquet" if real.is_file() else "real.csv"
    shutil.copy(real, risk / "data") if real.is_file() else make(risk, "--no-keys", "--out", "data/real.csv")
    settings = (risk / "mlpipeline.yaml").read_text()
    (risk / "mlpipeline.yaml").write_text(settings.replace("path: data/policies.csv", f"path: data/{name}"))
    ended = cli("run", "--until", "gate", cwd=risk)
    assert ended.returncode == 0, ended.stderr
    assert states(risk)["gate"] == "done"
    (crossing, *_) = record(risk)["stages"]["split"]["verdicts"][0]["checks"]
    assert crossing["outcome"] in ("pass", "warn")
