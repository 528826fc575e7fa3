"""What the README tells a newcomer to type works as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENV = Path(sys.prefix)
README = (ROOT / "README.md").read_text()


def clone(to: Path) -> Path:
    """The commit's files in a new folder, as `git clone` gives them."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(to)], check=True)
    return to


def clean_environment() -> dict[str, str]:
    hidden = ("MLAGENT_", "PYTEST_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def test_make_demo_ends_in_the_table_that_the_readme_shows(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    installed = VENV / "installed"
    ended = subprocess.run(
        ["make", "demo", f"VENV={VENV}", f"--old-file={installed}"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    shown = README.partition("It ends like this:\n\n```\n")[2].partition("```")[0]
    rows = re.compile(r"^(\S+)  .*?(pass|done)\b", re.MULTILINE)
    assert len(rows.findall(shown)) == 17
    assert sorted(row[0] for row in rows.findall(ended.stdout)) == sorted(row[0] for row in rows.findall(shown))


def test_what_the_readme_says_breaks_is_broken_with_exit_code_10(digits: Path) -> None:
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    lines = [
        line.partition("#")[0].strip() for line in README.splitlines() if line.startswith("mlagent") and "#" in line
    ]
    broken = [line for line in lines if "0.01" in line or "0.999" in line]
    assert len(broken) == 2
    for line in broken:
        ended = subprocess.run(
            line.split(), cwd=digits, env=clean_environment() | {"PATH": path}, capture_output=True, check=False
        )
        assert ended.returncode == 10, (line, ended.stderr)


@pytest.mark.long
def test_two_commands_do_everything_on_a_fresh_clone(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    for target in ("demo", "test"):
        ended = subprocess.run(
            ["make", target], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    shutil.rmtree(folder)
