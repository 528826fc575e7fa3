"""What every test may use: a small project on disk, and the command line as a person calls it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """\
project:
  name: small
data:
  path: data.csv
  target: y
"""

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a configuration and forty rows, without code."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "mlpipeline.yaml").write_text(GOOD)
    rows = [f"{index},{index % 7},{index % 2}" for index in range(40)]
    (folder / "data.csv").write_text("\n".join(["a,b,y", *rows, ""]))
    return folder


@pytest.fixture
def cli() -> Cli:
    """Run `mlagent ARGS` in a folder, as a child; its environment holds no MLAGENT_ variable but those given."""

    def run(*args: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
        return subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "mlagent", *args],
            cwd=cwd,
            env=kept | (env or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run
