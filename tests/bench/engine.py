"""Six trivial stages, each one `cp`: mlagent's engine and dvc's, a first run and one with nothing new."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tests.bench.compare import Ratio, alternate, cpu_ms

STAGES = 6
GOALS = {"nothing changed": 1 / 3, "first run": 0.7}
PROJECT = "project: {name: bench}\ndata: {path: data.csv, target: y}\n"
DRIVER = '''\
import sys
from pathlib import Path
import msgspec
from mlagent import catalog
from mlagent.config.sections import SHARED
from mlagent.core.artifact import Artifact
from mlagent.core.context import Outputs
from mlagent.core.stage import Stage
class Config(msgspec.Struct, frozen=True):
    """No keys."""
def run(config, inputs, ctx):
    source = next(iter(inputs.values()), ctx.project / "data.csv")
    ctx.worker.execute(["cp", str(source), str(ctx.work / "out")], seconds=60, env={}, kept=ctx.work / "log")
    return Outputs(summary="copied")
def stage(n):
    reads = (f"a{n - 1}",) if n else ()
    facts = () if n else ("data",)
    out = (Artifact(f"a{n}", "out", "a copy"),)
    more = {"reads": reads, "writes": out, "facts": facts, "effect": "compute"}
    return Stage(name=f"s{n}", title="copy", about="", config=Config, run=run, **more)
catalog.STAGES = tuple(map(stage, range(6)))
catalog.SECTIONS = SHARED | {one.name: Config for one in catalog.STAGES}
from mlagent.cli import main
main(["run"])
'''


def run() -> str:
    """CPU time of both, in turn; dvc is looked for on PATH (`pip install dvc` into an environment of its own)."""
    if shutil.which("dvc") is None:
        return "engine / dvc: not measured, there is no dvc on PATH"
    with tempfile.TemporaryDirectory() as folder:
        ours, peer = _ours(Path(folder) / "ours"), _dvc(Path(folder) / "dvc")
        lines = []
        for name, (one, other) in {"nothing changed": (ours[1], peer[1]), "first run": (ours[0], peer[0])}.items():
            found: Ratio = alternate(one, other)
            lines.append(f"six stages, {name}, mlagent / dvc: {found}; goal: at most {GOALS[name]:.2f}")
    return "\n".join(lines)


Timed = Callable[[], float]


def _ours(folder: Path) -> tuple[Timed, Timed]:
    folder.mkdir()
    (folder / "mlpipeline.yaml").write_text(PROJECT)
    (folder / "data.csv").write_text("y\n1\n")
    (folder / "driver.py").write_text(DRIVER)
    command = [sys.executable, "driver.py"]

    def first() -> float:
        shutil.rmtree(folder / ".mlagent", ignore_errors=True)
        return cpu_ms(command, folder)

    return first, lambda: cpu_ms(command, folder)


def _dvc(folder: Path) -> tuple[Timed, Timed]:
    folder.mkdir()
    (folder / "a").write_text("y\n1\n")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["dvc", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["dvc", "config", "core.analytics", "false"], cwd=folder, check=True)
    names = ["a", *(f"out{number}" for number in range(STAGES))]
    stages = [
        f"  s{number}:\n    cmd: cp {before} {after}\n    deps: [{before}]\n    outs: [{after}]\n"
        for number, (before, after) in enumerate(pairwise(names))
    ]
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))

    def first() -> float:
        shutil.rmtree(folder / ".dvc" / "cache", ignore_errors=True)
        for name in ("dvc.lock", *names[1:]):
            (folder / name).unlink(missing_ok=True)
        return cpu_ms(["dvc", "repro", "--no-run-cache", "--quiet"], folder)

    return first, lambda: cpu_ms(["dvc", "repro", "--quiet"], folder)
