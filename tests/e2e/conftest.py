"""A project from the template, as a newcomer gets it, taken once through every stage; each test works on a copy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli


def record(project: Path) -> dict[str, Any]:
    """The record of the newest run."""
    run_id = (project / ".mlagent" / "newest").read_text()
    return json.loads((project / ".mlagent" / "runs" / run_id / "run.json").read_text())  # type: ignore[no-any-return]


def states(project: Path) -> dict[str, str]:
    """How every stage of the newest run ended."""
    return {name: stage["state"] for name, stage in record(project)["stages"].items()}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The template after `mlagent run`, and what that printed."""
    parent = tmp_path_factory.mktemp("finished")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent"]
    subprocess.run([*command, "init", "digits"], cwd=parent, env=env, check=True, capture_output=True)
    ended = subprocess.run(
        [*command, "run"], cwd=parent / "digits", env=env, check=False, capture_output=True, text=True
    )
    return parent / "digits", ended


@pytest.fixture
def digits(finished: tuple[Path, object], tmp_path: Path) -> Path:
    """A copy of the finished project, to break."""
    return Path(shutil.copytree(finished[0], tmp_path / "digits"))


@pytest.fixture
def fresh(cli: Cli, tmp_path: Path) -> Path:
    """A new project without runs."""
    assert cli("init", "digits", cwd=tmp_path).returncode == 0
    return tmp_path / "digits"
