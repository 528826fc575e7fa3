"""How a project is spoiled, and what must be left of it afterwards."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

DATA, MODEL = "data/digits.csv", "model.py"
TEMPORARY = re.compile(r"\..*\.\d+(\.\d+)?|.*\.part|\..*\.partial")
QUICK = {
    "epochs: 15": "epochs: 6",
    "  p99_ms: 50 ": "  duration_seconds: 2\n  warmup_seconds: 0.5\n  requests_min: 100\n  p99_ms: 1000 ",
}
LEFT = {"full": 0, "filling": 100_000}
Spoil = Callable[[Path], object]


class Bad(NamedTuple):
    """What is done to a finished project and then asked of it; which code, message and hint answer.

    `mounts` are real disks, `full`, `filling` (a few writes still go) or `read-only`, in the place of folders of the
    project; `goes_on` runs once all is mended.
    """

    name: str
    args: tuple[str, ...]
    code: int
    says: str
    hint: str
    spoil: Spoil = lambda _: None
    mounts: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    goes_on: bool = False


def write(name: str, content: str | bytes) -> Spoil:
    """Write a file of the project."""
    return lambda project: (project / name).write_bytes(content.encode() if isinstance(content, str) else content)


def edit(name: str, old: str, new: str) -> Spoil:
    """Put one text in the place of the first of another."""

    def spoil(project: Path) -> None:
        text = (project / name).read_text()
        assert old in text
        (project / name).write_text(text.replace(old, new, 1))

    return spoil


def line(number: int, change: Callable[[list[str]], list[str]]) -> Spoil:
    """Change the fields of one line of the data, counted from 1; the heading is the first."""
    return lambda project: (project / DATA).write_text(_changed((project / DATA).read_text(), number, change))


def _changed(text: str, number: int, change: Callable[[list[str]], list[str]]) -> str:
    lines = text.splitlines()
    lines[number - 1] = ",".join(change(lines[number - 1].split(",")))
    return "\n".join([*lines, ""])


def target(change: Callable[[int], object]) -> Spoil:
    """Change every row's class."""

    def spoil(project: Path) -> None:
        head, *rows = (project / DATA).read_text().splitlines()
        split = (row.rpartition(",") for row in rows)
        (project / DATA).write_text("\n".join([head, *(f"{row},{change(int(one))}" for row, _, one in split), ""]))

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""
    return lambda project: [one(project) for one in spoils]


def record(project: Path) -> dict[str, Any]:
    """The record of the newest run."""
    return json.loads((run_folder(project) / "run.json").read_text())  # type: ignore[no-any-return]


def run_folder(project: Path) -> Path:
    """The folder of the newest run."""
    return project / ".mlagent" / "runs" / (project / ".mlagent" / "newest").read_text()


def blob(project: Path, stage: str, artifact: str) -> Path:
    """The blob in the store of what a stage made."""
    digest = str(record(project)["stages"][stage]["outputs"][artifact]["digest"]).partition(":")[2]
    found = project / ".mlagent" / "store" / "blobs" / "sha256" / digest[:2] / digest[2:]
    found.chmod(0o644)
    return found


def flipped(path: Path) -> None:
    """Flip one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[None]:
    """Have a folder on a disk that is full, or as good as full, or read-only."""
    folder.mkdir(exist_ok=True)
    if kind in LEFT:
        held = folder.parent / f".{folder.name}-held"
        shutil.copytree(folder, held, symlinks=True)
        size = sum(4096 + one.stat().st_size for one in held.rglob("*"))
        _mount("-t", "tmpfs", "-o", f"size={max(size, 1 << 20)}", "none", str(folder))
        shutil.copytree(held, folder, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(held)
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        (folder / "ballast").write_bytes(bytes(free - LEFT[kind]))
    else:
        _mount("--bind", str(folder), str(folder))
        _mount("-o", "remount,bind,ro", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*args: str) -> None:
    subprocess.run(["mount", *args], check=True, capture_output=True)


def users_files(project: Path) -> Mapping[str, str]:
    """Digests of all files of the user's, by name; caches and a shared store are nobody's."""
    inside = (path for path in project.rglob("*") if path.is_file())
    mine = (path for path in inside if not {".mlagent", "__pycache__", ".ruff_cache", "shared"} & set(path.parts))
    return {str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest() for path in mine}


def half_written(project: Path) -> list[str]:
    """What an interrupted write, or an attempt that did not end, would leave behind."""
    beside = [path for path in project.rglob(".*") if TEMPORARY.fullmatch(path.name)]
    attempts = [path for path in project.glob(".mlagent/runs/*/.*") if not path.name.endswith("-kept")]
    writing = [path for path in project.glob(".mlagent/store/tmp/*") if path.is_file()]
    return [str(path.relative_to(project)) for path in (*beside, *attempts, *writing)]
