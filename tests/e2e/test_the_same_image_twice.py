"""The same inputs give the same image: in any folder, for any user, at any time, with whatever is in the caches."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import image, record

NOBODY = 65534
# Another user who may pass through folders, so that the interpreter is found wherever it is, and may do nothing else
# that root may.
AS_NOBODY = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(f"--{kind}=-all,+dac_read_search" for kind in ("bounding-set", "inh-caps", "ambient-caps")),
)
LONG_AGO = 946684800


@pytest.fixture
def elsewhere(shipped: tuple[Path, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project in another folder, before it had an image; nothing that was built is left."""
    parent = tmp_path_factory.mktemp("a folder with another name")
    project = Path(shutil.copytree(shipped[0], parent / "copy of digits"))
    forget(project)
    return project


def forget(project: Path) -> None:
    """All results of packaging, and all that it keeps for the next time."""
    home = project / ".mlagent"
    shutil.rmtree(home / "images", ignore_errors=True)
    shutil.rmtree(home / "store/named/results/package")
    for blob in blobs(project):
        blob.unlink()


def blobs(project: Path) -> list[Path]:
    """Files that hold pieces of the image, wherever they are kept."""
    stage = record(project)["stages"]["package"]["outputs"]
    names = {one["digest"].partition(":")[2] for one in stage.values()}
    return [path for path in (project / ".mlagent").rglob("*") if path.is_file() and path.name in names]


def package(
    project: Path, shipping: dict[str, str], *more: str, who: Sequence[str] = (), umask: int = 0o022
) -> subprocess.CompletedProcess[str]:
    command = [*who, sys.executable, "-m", "mlagent", "run", "--until", "package", *more]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")} | shipping
    ended = subprocess.run(
        command,
        cwd=project,
        env=kept | {"HOME": str(project.parent)},
        check=False,
        capture_output=True,
        text=True,
        umask=umask,
    )
    assert ended.returncode == 0, ended.stderr
    assert record(project)["stages"]["package"]["state"] == "done", "it was reused, so this test proves nothing"
    assert record(project)["stages"]["package"]["reused_from"] is None
    return ended


def test_in_another_folder_at_another_time_with_an_empty_cache(
    shipped: tuple[Path, object], elsewhere: Path, shipping: dict[str, str]
) -> None:
    for path in elsewhere.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    package(elsewhere, shipping, umask=0o077)
    assert image(elsewhere) == image(shipped[0])


def test_with_a_warm_cache(shipped: tuple[Path, object], elsewhere: Path, shipping: dict[str, str]) -> None:
    package(elsewhere, shipping)
    shutil.rmtree(elsewhere / ".mlagent/store/named/results/package")
    package(elsewhere, shipping)
    assert image(elsewhere) == image(shipped[0])


def test_for_a_user_without_rights(shipped: tuple[Path, object], elsewhere: Path, shipping: dict[str, str]) -> None:
    for path in (elsewhere.parent, *elsewhere.parent.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    package(elsewhere, shipping, who=AS_NOBODY, umask=0o027)
    assert image(elsewhere) == image(shipped[0])
    owners = {path.stat().st_uid for path in elsewhere.rglob("*") if path.is_file()}
    assert owners == {NOBODY}
