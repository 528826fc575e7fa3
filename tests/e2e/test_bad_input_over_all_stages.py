"""Whatever is wrong with rows, code, models or disks: its code, its place, what to do; and nothing half-written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.e2e.bad_input import code, disks, rows
from tests.e2e.bad_input.world import QUICK, Bad, edit, half_written, mounted, record, run_folder, users_files

TABLE = (*rows.TABLE, *code.TABLE, *disks.TABLE)
BESIDE = ("data", "init", "--project")  # not about a project that could keep error.json, or not about its runs
AGAIN = ("run", "--until", "split", "--set", "check.test=true")


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits, quickly taken once through every stage."""
    parent = tmp_path_factory.mktemp("done")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent"]
    subprocess.run([*command, "init", "digits"], cwd=parent, env=env, check=True, capture_output=True)
    for old, new in QUICK.items():
        edit("mlpipeline.yaml", old, new)(parent / "digits")
    subprocess.run([*command, "run"], cwd=parent / "digits", env=env, check=True, capture_output=True)
    return parent / "digits"


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    """A copy of it, with the times of its files, to spoil."""
    return Path(shutil.copytree(done, tmp_path / "digits"))


@pytest.mark.parametrize("bad", TABLE, ids=[bad.name for bad in TABLE])
def test_bad_input(bad: Bad, project: Path, done: Path, cli: Cli) -> None:
    bad.spoil(project)
    args, env = here(project, *bad.args), {name: one for name, text in bad.env for one in here(project, text)}
    says, *_ = here(project, bad.says)
    with ExitStack() as disk:
        for kind, folder in bad.mounts:
            disk.enter_context(mounted(kind, project / folder))
        before = users_files(project)
        ended = cli(*args, cwd=project, env=env)
        after = users_files(project)
        left = half_written(project)
        kept = project / ".mlagent" / "error.json"
        told = json.loads(kept.read_text()) if kept.is_file() else None
    said, _, hint = f"\n{ended.stderr}".rpartition("\nError: ")[2].partition("\nHint: ")
    assert ended.returncode == bad.code, ended.stderr[-2000:]
    assert says in (said if bad.code else ended.stderr + ended.stdout), ended.stderr[-2000:]
    assert bad.hint in hint, ended.stderr[-2000:]
    assert len(said) < 1000 or not bad.code
    assert "a bug in mlagent" not in ended.stderr

    assert (after, left) == (before, [])
    if bad.code not in (0, 2) and not bad.mounts and not args[0].startswith(BESIDE):
        assert told is not None
        assert (told["exit_code"], told["message"], told["hint"]) == (bad.code, said, hint.rstrip("\n"))
    if bad.goes_on:
        mend(project, done)
        again = cli(*AGAIN, cwd=project)
        assert again.returncode == 0, again.stderr[-2000:]
        assert not kept.exists()


def here(project: Path, *texts: str) -> list[str]:
    """The texts with the project's place in them."""
    return [text.replace("PROJECT", str(project)) for text in texts]


def mend(project: Path, done: Path) -> None:
    """Bring the user's files back as they were; what mlagent keeps stays."""
    mine = shutil.ignore_patterns(".mlagent")
    shutil.copytree(done, project, ignore=mine, dirs_exist_ok=True)


def serving(project: Path) -> list[int]:
    """Process ids of the servers that work in the project."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            here = (entry / "cwd").readlink() == project
            if here and b"mlagent.serving" in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def under_load(project: Path, seconds: int) -> "subprocess.Popen[str]":
    """A load test of so many seconds, caught when the load runs."""
    command = [sys.executable, "-m", "mlagent", "load-test", "--force", "--duration-seconds", str(seconds)]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (run_folder(project) / ".load-test" / "request.json").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(1)
    return process


def test_a_signal_under_load_ends_meter_and_server(project: Path, cli: Cli) -> None:
    process = under_load(project, 60)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said[-2000:]
    assert (serving(project), half_written(project)) == ([], [])
    assert record(project)["stages"]["load-test"]["state"] == "stopped"
    assert cli("run", cwd=project).returncode == 0


def test_a_server_that_dies_under_load_is_told_from_a_slow_model(project: Path) -> None:
    process = under_load(project, 6)
    (server,) = serving(project)
    os.kill(server, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 20, said[-2000:]
    assert "Error: mlagent.serving ended while it was in use" in said
    assert "server.log" in said.rpartition("\nHint: ")[2]
    assert half_written(project) == []
