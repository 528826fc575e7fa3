"""What `pip install mlagent[serve]` brings in a new environment, and how soon the server in it answers."""

import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.bench.serving import asks
from tests.bench.serving.models import Case
from tests.bench.serving.servers import Way, serving
from tests.bench.serving.table import Goal

ROOT = Path(__file__).parents[3]
STARTS = 10
SIZE_MB, START_SECONDS = 200, 0.5


def said(case: Case) -> str:
    """Install it where nothing is, weigh what came (pip itself does not count), then start it again and again."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "env"
        venv.create(home, with_pip=True)
        packages = next(home.glob("lib/python*/site-packages"))
        before = _bytes(packages)
        _install(home)
        size = (_bytes(packages) - before) / 1e6
        starts = [_start(home, case) for _ in range(STARTS)]
    goals = (
        Goal("MB that `pip install mlagent[serve]` brings", size, SIZE_MB, least=False),
        Goal(
            f"seconds to the first answer, median of {STARTS} starts",
            statistics.median(starts),
            START_SECONDS,
            least=False,
        ),
        Goal("the slowest of them", max(starts), START_SECONDS, least=False),
    )
    return "## install\n\n" + "\n".join(map(str, goals)) + "\n"


def _install(home: Path) -> None:
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([home / "bin/pip", "install", *quiet, *constraints, f"{ROOT}[serve]"], check=True, stdout=sys.stderr)


def _start(home: Path, case: Case) -> float:
    """Seconds from the start of the process to an inference's answer."""
    options = ("--model", str(case.model), "--name", "bench", "--port")
    command = [str(home / "bin/python"), "-m", "mlagent.serving", *options]
    way = Way("defaults", lambda port, _: [*command, str(port)], {}, asks.v2_json(case))
    with serving(way, case) as server:
        return server.started_seconds


def _bytes(folder: Path) -> int:
    """On the disk, as the files' lengths."""
    return sum(Path(at, name).lstat().st_size for at, _, names in os.walk(folder) for name in names)
