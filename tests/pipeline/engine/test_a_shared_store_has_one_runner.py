"""Two machines, one store on S3: a lost runner is taken over after its lease, a paused one wakes up fenced out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GOOD

LEASE_SECONDS = 3
LONG_LEASE_SECONDS = 8  # so long the next one may take to start
ROOT = Path(__file__).parents[3]
Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Make a machine: its own copy of the project, the same store; how long its slow stage takes."""
    import s3fs

    monkeypatch.setenv("STORE_KEY", "an-access-key")
    monkeypatch.setenv("STORE_SECRET", "a-secret-key")
    bucket = f"b{time.monotonic_ns()}"
    s3fs.S3FileSystem(endpoint_url=s3_server, key="an-access-key", secret="a-secret-key").mkdir(bucket)

    def make(name: str, takes: float, lease: int = LEASE_SECONDS) -> Path:
        store = (
            f"store:\n  url: s3://{bucket}/team\n  endpoint: {s3_server}\n  lease_seconds: {lease}\n"
            "  access_key: env:STORE_KEY\n  secret_key: env:STORE_SECRET\n"
        )
        project = tmp_path / name
        project.mkdir()
        (project / "mlpipeline.yaml").write_text(GOOD + store)
        (project / "data.csv").write_text("y\n1\n")
        (project / "takes").write_text(str(takes))
        return project

    return make


def start(project: Path) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "tests.pipeline.engine.driver", str(project)]
    return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def begun(project: Path, process: subprocess.Popen[str]) -> None:
    """Wait until its slow stage has begun."""
    end = time.monotonic() + 60
    while not (project / "started").exists():
        assert process.poll() is None, ended(process)
        assert time.monotonic() < end
        time.sleep(0.02)


def record(project: Path) -> dict[str, Any]:
    (path,) = (project / ".mlagent" / "runs").glob("*/run.json")
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def digests(project: Path) -> dict[str, Any]:
    return {name: stage["outputs"] for name, stage in record(project)["stages"].items()}


EXPECTED = {
    "first": "first 0 ",
    "slow": "slowly first 0 ",
    "last": "last 0 slowly first 0 ",
}


def assert_undisturbed(project: Path) -> None:
    """All outputs are what their stages make of their inputs, whoever made them."""
    from mlagent.core import digest

    assert {name: stage["state"] for name, stage in record(project)["stages"].items()} == dict.fromkeys(
        EXPECTED, "done"
    )
    assert {name: outputs[name]["digest"] for name, outputs in digests(project).items()} == {
        name: digest.of_bytes(text.encode()) for name, text in EXPECTED.items()
    }


def test_a_lost_runner_is_taken_over_once_its_lease_has_expired_and_not_before(machine: Machine) -> None:
    one, two = (machine(name, takes, LONG_LEASE_SECONDS) for name, takes in (("one", 60), ("two", 0)))
    lost = start(one)
    begun(one, lost)
    lost.kill()
    died = time.monotonic()
    ended(lost)
    code, said = ended(start(two))
    assert code == 21, said
    assert f"held by process {(one / 'started').read_text()} on " in said
    while code == 21:
        assert time.monotonic() - died < LONG_LEASE_SECONDS + 20
        time.sleep(0.2)
        code, said = ended(start(two))
    assert code == 0, said
    assert_undisturbed(two)
    assert record(two)["fence"] == 2
    assert record(two)["stages"]["first"]["attempt"] == 1
    assert not (two / ".mlagent" / "runs" / record(two)["run_id"] / "first" / "request.json").exists()


def test_a_paused_runner_that_was_taken_over_is_stopped_when_it_wakes(machine: Machine) -> None:
    one, two = machine("one", 1.5), machine("two", 0)
    paused = start(one)
    begun(one, paused)
    paused.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 0.5)
    code, said = ended(start(two))
    assert code == 0, said
    taken = record(two)
    paused.send_signal(signal.SIGCONT)
    code, said = ended(paused)
    assert code == 21, said
    assert "the lease on the run was lost" in said or "taken over by another runner" in said
    assert_undisturbed(two)
    again = start(two)
    assert ended(again)[0] == 0
    assert record(two)["stages"] == taken["stages"]


def test_of_two_that_start_at_once_one_runs_and_the_other_is_told(machine: Machine) -> None:
    one, two = machine("one", 2), machine("two", 2)
    both = [start(one), start(two)]
    codes = [ended(process) for process in both]
    assert sorted(code for code, _ in codes) == [0, 21], codes
    (said,) = (said for code, said in codes if code == 21)
    assert "held by process" in said or "taken by another runner" in said
    winner = one if codes[0][0] == 0 else two
    assert_undisturbed(winner)


def test_another_machine_reuses_what_the_first_one_made(machine: Machine) -> None:
    one, two = machine("one", 0), machine("two", 60)
    assert ended(start(one))[0] == 0
    assert ended(start(two))[0] == 0
    assert not (two / "started").exists()
    assert_undisturbed(two)
