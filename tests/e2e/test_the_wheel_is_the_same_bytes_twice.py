"""A pin by hash holds only if the same commit gives the same wheel, wherever and whenever it is built."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import VENV, clean_environment, clone


def built(folder: Path, umask: int) -> bytes:
    """The wheel of a fresh clone, whose files are of now."""
    folder.parent.mkdir()
    before = os.umask(umask)
    try:
        clone(folder)
        (folder / ".venv").symlink_to(VENV)
        command = ["make", "--old-file=.venv/installed", "wheel", f"PYTHON={sys.executable}"]
        subprocess.run(command, cwd=folder, env=clean_environment(), check=True, capture_output=True)
    finally:
        os.umask(before)
    (wheel,) = (folder / "dist" / "wheelhouse").glob("*.whl")
    return wheel.read_bytes()


def test_two_clones_build_one_wheel(tmp_path: Path) -> None:
    assert built(tmp_path / "a" / "here", 0o022) == built(tmp_path / "b" / "there", 0o077)
