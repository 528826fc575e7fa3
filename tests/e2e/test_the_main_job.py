"""Real digits, a real training, the real ONNX file, a real server under a real load; and each way to break it."""

import json
import random
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from mlflow import MlflowClient

from mlagent import catalog
from tests.conftest import Cli
from tests.e2e.conftest import record, states

ENVIRONMENTS = tuple(f"{verb}@{one}" for one in ("staging", "production") for verb in ("approve", "deploy", "soak"))
OFF = ("package", "push", "sign", *ENVIRONMENTS)  # the template names no registry and no namespace
Finished = tuple[Path, subprocess.CompletedProcess[str]]


def test_every_stage_passes_and_the_run_ends_in_a_table_of_verdicts(finished: Finished) -> None:
    project, ended = finished
    assert ended.returncode == 0, ended.stderr
    assert states(project) == {one.name: "off" if one.name in OFF else "done" for one in catalog.STAGES}
    table = ended.stdout.partition("verdict\n")[2]
    judged = {line.split()[0]: line.split()[-1] for line in table.splitlines() if line.endswith(("pass", "fail"))}
    assert set(judged) == {"validate-data", "split", "export", "gate", "load-test"}
    assert set(judged.values()) == {"pass"}


def test_the_model_was_judged_on_real_rows_that_training_never_saw(finished: Finished) -> None:
    project, _ = finished
    folder = project / ".mlagent" / "runs" / record(project)["run_id"]
    test, validation = (np.load(folder / "split" / f"{name}.npz") for name in ("test", "validation"))
    metrics = json.loads((folder / "evaluate" / "evaluation.json").read_text())
    table = np.loadtxt(project / "data" / "digits.csv", delimiter=",", skiprows=1)
    rows = {row.tobytes() for row in table.astype(np.float32)}
    unseen = {
        np.append(row, label).astype(np.float32).tobytes()
        for row, label in zip(test["features"], test["target"], strict=True)
    }
    chosen = {
        np.append(row, label).astype(np.float32).tobytes()
        for row, label in zip(validation["features"], validation["target"], strict=True)
    }
    assert len(table) == 1797
    assert unseen | chosen < rows
    assert not unseen & chosen
    assert metrics["rows"] == len(test["target"])


def test_the_training_is_in_mlflow(finished: Finished) -> None:
    project, _ = finished
    client = MlflowClient(f"sqlite:///{project / '.mlagent' / 'mlflow' / 'mlflow.db'}")
    (run,) = client.search_runs(
        [one.experiment_id for one in client.search_experiments(filter_string="name = 'digits'")]
    )
    assert run.data.tags["mlagent.run"] == record(project)["run_id"]
    assert run.data.params["learning_rate"] == "0.003"
    losses = [point.value for point in client.get_metric_history(run.info.run_id, "validation_loss")]
    assert len(losses) == int(run.data.params["epochs"])
    assert losses[-1] < losses[0]
    assert "model.pt" in [entry.path for entry in client.list_artifacts(run.info.run_id)]


def test_a_run_with_nothing_new_reuses_every_stage_but_those_that_ask_the_world(digits: Path, cli: Cli) -> None:
    (digits / "README.md").write_text("changed")
    ended = cli("run", cwd=digits)
    assert ended.returncode == 0, ended.stderr
    assert {line.split("/")[1] for line in ended.stderr.splitlines()} == {"register", "release"}
    rows = {line.split()[0]: line.split()[2] for line in ended.stdout.splitlines() if line.split()[1:2] == ["done"]}
    assert list(rows) == [stage.name for stage in catalog.STAGES if stage.name not in OFF]
    assert {name for name, seconds in rows.items() if seconds != "reused"} == {"register", "release"}
    assert "digits version 1 was registered already" in ended.stdout


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("threshold", ["gate", "register", "load-test"]),
        ("declared source", ["check", "train", "export", "register"]),
        ("a test of the team's", ["check", "register", "load-test"]),
        ("rows", ["validate-data", "split", "train", "export", "evaluate", "gate", "register", "load-test"]),
        # a row of the test part: what training reads comes out the same, so it is reused
        ("one row of the test part", ["validate-data", "split", "evaluate", "gate", "register", "load-test"]),
        ("where it is logged", ["register"]),
    ],
)
def test_a_change_runs_exactly_what_it_touches(digits: Path, cli: Cli, change: str, again: list[str]) -> None:
    args: list[str] = []
    if change == "threshold":
        args = ["--set", "gate.accuracy_min=0.9"]
    if change == "declared source":  # a comment: the weights come out the same, so what only reads them is not run
        (digits / "model.py").write_text((digits / "model.py").read_text() + "\n# a comment\n")
        again = [*again, "load-test"]
    if change == "a test of the team's":
        (digits / "tests" / "test_more.py").write_text('"""More."""\n\n\ndef test_more() -> None:\n    """Hold."""\n')
    if "row" in change:
        lines = (digits / "data" / "digits.csv").read_text().splitlines(keepends=True)
        (digits / "data" / "digits.csv").write_text("".join(lines[:-1] if "one" in change else lines[:-100]))
    if change == "where it is logged":
        args = ["--set", "tracking.username=somebody"]
    ended = cli("run", *args, cwd=digits)
    assert ended.returncode == 0, ended.stderr
    stages = record(digits)["stages"]
    attempt, again = record(digits)["attempt"], [*again, "release"]
    ran = {name: one for name, one in stages.items() if name not in OFF and one["attempt"] == attempt}
    assert [name for name, one in ran.items() if not one["reused_from"]] == again


def test_verdicts_are_canonical_json_with_thresholds_values_and_samples(finished: Finished) -> None:
    project, _ = finished
    folder = project / ".mlagent" / "runs" / record(project)["run_id"]
    found = {path.name: path.read_bytes() for path in folder.glob("*/verdict-*.json")}
    names = ("data", "gate", "load-test", "parity", "split")
    assert sorted(found) == [f"verdict-{name}.json" for name in names]
    for data in found.values():
        verdict = json.loads(data)
        assert data == json.dumps(verdict, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert verdict["outcome"] == "pass"
        assert verdict["inputs"]
        assert all(check["samples"] >= check["samples_min"] for check in verdict["checks"])


def test_shuffled_labels_are_stopped_by_the_gate(fresh: Path, cli: Cli) -> None:
    path = fresh / "data" / "digits.csv"
    head, *rows = path.read_text().splitlines()
    labels = [row.rpartition(",")[2] for row in rows]
    random.Random(7).shuffle(labels)  # noqa: S311 - a test's shuffle
    path.write_text(
        "\n".join([head, *(row.rpartition(",")[0] + "," + label for row, label in zip(rows, labels, strict=True)), ""])
    )
    ended = cli("run", "--set", "train.epochs=3", cwd=fresh)
    assert ended.returncode == 10, ended.stderr
    assert "Error: gate: accuracy 0." in ended.stderr
    assert "is below 0.95" in ended.stderr
    assert states(fresh)["gate"] == "refused"
    assert "load-test" not in states(fresh)
    run = fresh / ".mlagent" / "runs" / record(fresh)["run_id"]
    assert json.loads((run / "error.json").read_text())["category"] == "gate"


def test_of_a_pull_request_nothing_is_registered(digits: Path, cli: Cli) -> None:
    changed = ("--set", "export.opset=19")  # another file, which the registry does not know
    ended = cli("run", "--until", "register", *changed, cwd=digits, env={"CHANGE_ID": "7"})
    assert ended.returncode == 0, ended.stderr
    assert "nothing is registered of a pull request (7)" in ended.stderr
    assert record(digits)["stages"]["register"]["outputs"] == {}
    merged = cli("run", "--until", "register", *changed, cwd=digits)
    assert merged.returncode == 0, merged.stderr
    assert "version 2 is new" in merged.stderr


def test_an_impossible_service_level_is_stopped_by_the_load_test(digits: Path, cli: Cli) -> None:
    ended = cli("load-test", "--p99-ms", "0.01", "--duration-seconds", "8", "--requests-min", "500", cwd=digits)
    assert ended.returncode == 10, ended.stderr
    assert "Error: load-test: p99 latency" in ended.stderr
    assert "is above 0.01 ms" in ended.stderr
    assert states(digits)["load-test"] == "refused"


def test_too_short_a_load_is_invalid_and_not_a_pass(digits: Path, cli: Cli) -> None:
    ended = cli("load-test", "--duration-seconds", "1", "--warmup-seconds", "0", cwd=digits)
    assert ended.returncode == 11, ended.stderr
    assert "load-test is invalid" in ended.stderr
    assert "too few, load-test.requests_min asks for 1000" in ended.stderr


def test_a_test_of_the_teams_that_fails_stops_before_any_training(digits: Path, cli: Cli) -> None:
    (digits / "tests" / "test_broken.py").write_text(
        '"""Broken."""\n\n\ndef test_sum() -> None:\n    assert 1 + 1 == 3\n'
    )
    ended = cli("run", cwd=digits)
    assert ended.returncode == 5, ended.stderr
    assert "check: test failed (exit status 1)" in ended.stderr
    assert list(states(digits)) == ["check"]
    folder = digits / ".mlagent" / "runs" / record(digits)["run_id"] / "check"
    suites = ET.parse(folder / "junit-test.xml").getroot()
    assert [case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None] == ["test_sum"]
    assert "assert 1 + 1 == 3" in (folder / "test.log").read_text()


def test_lint_that_fails_is_kept_as_junit_and_tests_are_run_all_the_same(digits: Path, cli: Cli) -> None:
    (digits / "model.py").write_text("import os\n" + (digits / "model.py").read_text())
    ended = cli("check", cwd=digits)
    assert ended.returncode == 5, ended.stderr
    folder = digits / ".mlagent" / "runs" / record(digits)["run_id"] / "check"
    (failure,) = ET.parse(folder / "junit-lint.xml").getroot().iter("failure")
    assert "F401" in (failure.text or "")
    assert "passed" in (folder / "test.log").read_text()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("def build_model(", "def make_model("), "build_model"),
        (("import torch", "import torhc"), "torhc"),
    ],
)
def test_a_model_that_does_not_build_is_the_teams_to_mend(
    digits: Path, cli: Cli, edit: tuple[str, str], said: str
) -> None:
    path = digits / "model.py"
    path.write_text(path.read_text().replace(edit[0], edit[1], 1))
    ended = cli("train", cwd=digits)
    assert ended.returncode == 5, ended.stderr
    error, _, hint = ended.stderr.rpartition("Error: ")[2].partition("\nHint: ")
    assert said in error
    assert hint.strip()


def test_the_same_project_gives_the_same_model_bytes_on_this_machine(
    finished: Finished, digits: Path, cli: Cli
) -> None:
    before = record(finished[0])["stages"]
    ended = cli("run", "--force", "train", "--force", "export", "--until", "export", cwd=digits)
    assert ended.returncode == 0, ended.stderr
    after = record(digits)["stages"]
    assert after["export"]["reused_from"] is None
    assert after["export"]["outputs"]["onnx"]["digest"] == before["export"]["outputs"]["onnx"]["digest"]
    assert after["train"]["outputs"]["model"]["digest"] == before["train"]["outputs"]["model"]["digest"]
