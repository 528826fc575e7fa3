"""A pin by hash holds only if the same commit gives the same wheel, wherever and whenever it is built."""

import os
import subprocess
import sys
from pathlib import Path

from mlagent.core.digest import of_bytes
from mlagent.render.pins import FILE
from tests.e2e.conftest import ROOT, VENV, clean_environment, clone


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


def test_two_clones_build_one_wheel_which_the_library_pins(tmp_path: Path) -> None:
    first = built(tmp_path / "a" / "here", 0o022)
    assert first == built(tmp_path / "b" / "there", 0o077)
    pinned = (ROOT / FILE).read_text().splitlines()[0].rpartition("--hash=")[2]
    assert pinned == of_bytes(first), "run `make wheelhouse` and commit resources/mlagent/agent.txt"
