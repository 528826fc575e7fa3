"""Pages of runs that ended in every way, in a real browser: light, dark, on a telephone, on paper, under Jenkins."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from tests.conftest import Cli
from tests.e2e.conftest import record

BROWSER = Path(__file__).with_name("browser.py")
SLOW_MACHINE = (
    "--set",
    "load-test.p99_ms=5000",
    "--set",
    "load-test.late_share_max=1",
    "--set",
    "load-test.rate_reached_min=0",
    "--set",
    "load-test.cpu_share_max=1",
)
FAST = ("--set", "train.epochs=2", "--set", "gate.equal_opportunity_difference_max=0.6", *SLOW_MACHINE)
UNCHECKED = ("--set", "check.lint=true", "--set", "check.test=true")
ENDED = {
    "passed": "Passed all 10 stages",
    "refused": "Blocked by validate-data: PSI of VehValue against the rows accepted last",
    "invalid": "Invalid in load-test: what was measured says nothing, good or bad",
    "failed": "Failed in train:",
    "interrupted": "Interrupted in train; the same command goes on from there.",
}


def page_of(project: Path) -> Path:
    return Path(project, ".mlagent", "runs", record(project)["run_id"], "report.html")


def mlagent(project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent", *args]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)


def interrupt(project: Path) -> int:
    """Stop a training in its middle."""
    command = [sys.executable, "-m", "mlagent", "run", "--set", "train.epochs=500"]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list(project.glob(".mlagent/runs/*/.train/epochs.jsonl")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of a run that ended in each way; each run leaves it by itself."""
    parent = tmp_path_factory.mktemp("report")
    assert mlagent(parent, "init", "risk", "--template", "insurance-risk").returncode == 0
    risk = parent / "risk"
    assert mlagent(risk, "run", *FAST).returncode == 0
    LocalRegistry(open_store(risk / ".mlagent" / "store")).point("risk", "production", 1, expected=None)
    others = {name: Path(shutil.copytree(risk, parent / name)) for name in ENDED if name != "passed"}
    subprocess.run([sys.executable, "make_data.py", "--seed", "2"], cwd=risk, check=True, capture_output=True)
    ended = mlagent(risk, "run", *FAST)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"report: {page_of(risk)}"
    drift = [sys.executable, "make_data.py", "--seed", "3", "--drift", "1"]
    subprocess.run(drift, cwd=others["refused"], check=True, capture_output=True)
    assert mlagent(others["refused"], "run").returncode == 10
    few = (*FAST, "--set", "load-test.requests_min=100000")
    assert mlagent(others["invalid"], "run", *few).returncode == 11
    (others["failed"] / "model.py").write_text(
        "def build_model(config):\n    raise ValueError('no <b>such</b> layer')\n"
    )
    assert mlagent(others["failed"], "run", *UNCHECKED).returncode == 5
    assert interrupt(others["interrupted"]) == 143
    return {"passed": page_of(risk), **{name: page_of(project) for name, project in others.items()}}


@pytest.fixture(scope="module")
def seen(pages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser found on each page; its screenshots lie in the test's folder."""
    python = os.environ["MLAGENT_TEST_BROWSER"]  # `make e2e` sets it
    folder = tmp_path_factory.mktemp("screenshots")
    given = [f"{name}={page}" for name, page in pages.items()]
    ended = subprocess.run([python, str(BROWSER), str(folder), *given], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(list(folder.glob("*.png"))) == 4 * len(pages)
    return json.loads(ended.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ENDED)
def test_the_first_screen_says_how_it_ended(seen: dict[str, Any], name: str) -> None:
    first = seen[name]["first"]
    assert first["p"].startswith(ENDED[name])
    assert first["below"] < 400
    word = {"refused": "blocked"}.get(name, name)
    assert word in first["h1"]


@pytest.mark.parametrize("name", ENDED)
def test_the_console_is_silent_and_nothing_is_asked_for(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["told"] == []


@pytest.mark.parametrize("name", ENDED)
def test_axe_finds_nothing_in_light_in_dark_and_on_a_telephone(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["faults"] == {"light": [], "dark": [], "phone": []}


@pytest.mark.parametrize("name", ENDED)
def test_a_telephone_never_scrolls_sideways(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["sideways"] == 0


@pytest.mark.parametrize("name", ENDED)
def test_paper_hides_nothing(seen: dict[str, Any], name: str) -> None:
    assert seen[name]["folded_on_screen"] > 50
    assert seen[name]["hidden_in_print"] == []
    assert seen[name]["cut_in_print"] == []
    assert seen[name]["sideways_in_print"] == 0


@pytest.mark.parametrize("name", ENDED)
def test_under_jenkins_it_reads_without_its_style(seen: dict[str, Any], name: str) -> None:
    plain = seen[name]["plain"]
    assert plain["grid"] == "block"  # the style was forbidden
    assert plain["first"].startswith(ENDED[name])
    assert "rgb(43, 108, 176)" in plain["fill"]


def test_pages_are_small_and_show_drift_production_and_load(pages: dict[str, Path]) -> None:
    shown = pages["passed"].read_text()
    assert len(shown) < 500_000
    for words in ("accepted last", "gain over production", "Latency over time", "Distribution of VehValue"):
        assert words in shown
    assert "it did not end well." in pages["interrupted"].read_text()  # with the curves of what it learned until then
    assert "no &lt;b&gt;such&lt;/b&gt; layer" in pages["failed"].read_text()


def test_values_of_a_sensitive_column_reach_neither_figures_nor_verdicts_nor_the_page(
    pages: dict[str, Path], tmp_path: Path, cli: Cli
) -> None:
    risk = Path(shutil.copytree(pages["passed"].parents[3], tmp_path / "risk"))
    schema = (risk / "schema.yaml").read_text()
    (risk / "schema.yaml").write_text(
        schema.replace("values: [Female, Male]", "values: [Female, Male, Planted]\n    sensitive: true")
    )
    ended = cli("run", "--until", "gate", "--set", "evaluate.slices=Gender VehAge", *FAST, cwd=risk)
    assert ended.returncode == 10, ended.stderr  # no row is of the group that was planted
    run = risk / ".mlagent" / "runs" / record(risk)["run_id"]
    files = [
        *run.glob("evaluate/*"),
        *run.glob("gate/*"),
        *run.glob("*/verdict-*"),
        run / "run.json",
        run / "report.html",
    ]
    assert len(files) > 5
    for file in files:
        assert not re.search(r"\b(Female|Male|Planted)\b", file.read_text()), file
    assert "groups of Gender without a test row (group 3)" in (run / "report.html").read_text()
    assert "Gender=group 1" in (run / "report.html").read_text()
    assert "Female" not in ended.stdout + ended.stderr
