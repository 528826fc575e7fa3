"""What keeping a model costs: two gigabytes into the local store and out again, against sha256sum and cp."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mlagent.adapters.stores.local import LocalStore
from mlagent.core.digest import of_file
from tests.bench.compare import ratio

SIZE = 2 << 30
ROUNDS = 10
GOAL = 1.3
OURS = (
    "import sys; from pathlib import Path; from mlagent.adapters.stores import open_store;"
    "what, root, digest, path = sys.argv[1:]; store = open_store(root);"
    "store.put(Path(path), digest) if what == 'put' else store.get(digest, Path(path))"
)


class Used(NamedTuple):
    """Milliseconds of one run, with those of its children."""

    cpu: float
    wall: float


def used(command: Sequence[str]) -> Used:
    """Run a command that must succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Used((usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - began) * 1000)


def run() -> str:
    """Put and get, each by CPU and by wall time; ours also flushes to the disk, which cp does not."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = _rounds(Path(folder))
    lines = []
    for what in ("put", "get"):
        for clock in Used._fields:
            found = ratio([(getattr(one[what], clock), getattr(one["peer"], clock)) for one in rounds])
            lines.append(f"store {what} of 2 GB / sha256sum + cp, {clock} time: {found}; goal: at most {GOAL}")
    return "\n".join(lines).replace("ms of CPU", "ms")


def _rounds(folder: Path) -> list[dict[str, Used]]:
    source, made = folder / "source", folder / "made"
    with source.open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
    digest = of_file(source)
    LocalStore(folder / "full").put(source, digest)
    commands = {
        "peer": [
            "sh",
            "-c",
            f"sha256sum {shlex.quote(str(source))} && cp {shlex.quote(str(source))} {shlex.quote(str(made))}",
        ],
        "put": [sys.executable, "-c", OURS, "put", str(made), digest, str(source)],
        "get": [sys.executable, "-c", OURS, "get", str(folder / "full"), digest, str(made)],
    }
    return [_round(commands, made) for _ in range(ROUNDS + 1)][1:]  # the first one warms up


def _round(commands: Mapping[str, Sequence[str]], made: Path) -> dict[str, Used]:
    """Each begins after as much has been deleted as it will write: memory that lies ready is much faster to fill."""
    found = {}
    for name, command in commands.items():
        found[name] = used(command)
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    return found
