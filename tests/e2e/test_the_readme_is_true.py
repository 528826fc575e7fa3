"""What the README tells a newcomer to type works as it says."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Demo, clean_environment, clone

README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^(\S+)  .*?(pass|done)\b", re.MULTILINE)


def test_make_demo_ends_in_the_tables_that_the_readme_shows(demo: Demo) -> None:
    shown = README.partition("It ends like this:\n\n```\n")[2].partition("```")[0]
    assert len(ROW.findall(shown)) >= 17
    _, first, second = re.split(r"^stage +state", demo.stdout, flags=re.MULTILINE)
    assert sorted(ROW.findall(first)) == sorted(ROW.findall(shown))
    assert second.count("reused") == 8  # all but register and release, which ask the world
    assert re.search(r"report.html$", second, re.MULTILINE)
    assert "container engine" in second


def test_what_the_readme_says_breaks_is_broken_with_exit_code_10(demo: Demo) -> None:
    env = clean_environment() | {"PATH": f"{demo.bin}{os.pathsep}{os.environ['PATH']}"}
    lines = [
        line.partition("#")[0].strip() for line in README.splitlines() if line.startswith("mlagent") and "#" in line
    ]
    broken = [line for line in lines if "0.01" in line or "0.9" in line]
    assert len(broken) == 2
    for line in broken:
        ended = subprocess.run(line.split(), cwd=demo.folder / "demo", env=env, capture_output=True, check=False)
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
