"""Ctrl-C and SIGTERM in the middle: 128+n, nothing left running, nothing half-written; and again, it goes through."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.e2e.conftest import record, states


def children_in(folder: Path) -> list[str]:
    """Command lines of all processes that work in the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file that shows how far the run is appears; its folders may be patterns."""
    root = next(one for one in path.parents if one.is_dir() and "*" not in str(one))
    end = time.monotonic() + 120
    while not list(root.glob(str(path.relative_to(root)))):
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGINT, 130, ".train/epochs.jsonl"),
        (signal.SIGTERM, 143, ".train/epochs.jsonl"),
        (signal.SIGTERM, 143, ".check/test.log"),
        (signal.SIGINT, 130, ".export/request.json"),
    ],
)
def test_a_signal(fresh: Path, cli: Cli, number: int, code: int, moment: str) -> None:
    command = [
        sys.executable,
        "-m",
        "mlagent",
        "run",
        "--set",
        "train.epochs=60" if "train" in moment else "train.epochs=2",
    ]
    process = subprocess.Popen(command, cwd=fresh, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runs = fresh / ".mlagent" / "runs"
    wait_for(runs, process)
    wait_for(runs / "*", process)
    (run,) = runs.iterdir()
    wait_for(run / moment, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"Traceback" not in err
    assert b"Error: stopped by" in err
    assert b"give the same command again" in err
    assert children_in(fresh) == []
    stage = moment.partition("/")[0].lstrip(".")
    assert states(fresh)[stage] == "stopped"
    assert record(fresh)["stages"][stage]["outputs"] == {}
    assert json.loads((run / "error.json").read_text())["exit_code"] == code
    assert {path.name for path in run.rglob(".*")} <= ({".train-kept"} if stage == "train" else set())
    assert all(path.suffix == ".pt" for path in run.glob(".train-kept/*/*"))  # checkpoints to go on from, each whole
    assert stage.encode() in out


def test_after_a_stop_the_same_command_goes_through(fresh: Path, cli: Cli) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlagent", "run"], cwd=fresh, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    runs = fresh / ".mlagent" / "runs"
    wait_for(runs, process)
    wait_for(runs / "*", process)
    (run,) = runs.iterdir()
    wait_for(run / ".train", process)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    ended = cli("run", cwd=fresh)
    assert ended.returncode == 0, ended.stderr
    assert record(fresh)["attempt"] == 2
    assert record(fresh)["stages"]["check"]["attempt"] == 1
    assert not (run / "error.json").exists()


def made(stages: dict[str, Any]) -> dict[str, str]:
    """Digests of all that is a function of its inputs; logs, JUnit and epochs tell the time, a record of the run."""
    timed = {"lint-log", "test-log", "junit-lint", "junit-test", "epochs", "latency", "samples"}
    timed |= {"load", "hdr", "locust", "release", "card", "verdicts"}
    outputs = {name: out["digest"] for one in stages.values() for name, out in one["outputs"].items()}
    keys = {f"key of {name}": stages[name]["key"] for name in ("train", "export")}
    return keys | {name: digest for name, digest in outputs.items() if name not in timed}


def test_killed_in_training_it_goes_on_to_the_same_model(
    fresh: Path, finished: tuple[Path, subprocess.CompletedProcess[str]], cli: Cli
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlagent", "run"], cwd=fresh, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(fresh / ".mlagent" / "runs" / "*" / ".train" / "epochs.jsonl", process)
    process.kill()
    process.wait(60)
    end = time.monotonic() + 10
    while children_in(fresh) and time.monotonic() < end:
        time.sleep(0.1)
    assert children_in(fresh) == []
    assert states(fresh) == {"check": "done", "validate-data": "done", "split": "done", "train": "running"}
    said = cli("plan", cwd=fresh).stdout
    assert "resume  attempt 1 was interrupted" in said
    assert "reuse" in said
    ended = cli("run", cwd=fresh)
    assert ended.returncode == 0, ended.stderr
    again, undisturbed = made(record(fresh)["stages"]), made(record(finished[0])["stages"])
    assert len(again) == 16
    assert again == undisturbed
