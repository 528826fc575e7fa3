"""Bytecode beside the sources, the same bytes on every node with the same Python: a server starts sooner by it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlagent.errors import InfrastructureError
from mlagent.image.layers import processors

SHARDS = 4  # whatever the processors: which files one process compiles is part of the result
SCRIPT = Path(__file__).with_name("compiling.py")


def compilers() -> str:
    """What bytecode depends on besides the sources: this Python, to the last digit."""
    return ".".join(str(part) for part in sys.version_info[:3])


def fits(python: str) -> bool:
    """Whether the image's Python reads what this one writes."""
    return python == f"{sys.version_info.major}.{sys.version_info.minor}"


def compile_all(folder: Path, prefix: str) -> int:
    """Compile every Python file under a folder that will be `prefix` in the image; how many there are."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    with ThreadPoolExecutor(processors()) as pool:
        for failed in pool.map(lambda first: _compile(names[first::SHARDS], folder, prefix), range(SHARDS)):
            if failed:
                raise InfrastructureError(
                    f"the serving environment could not be compiled: {failed}",
                    hint="did memory or the disk run out? give the same command again",
                )
    return len(names)


def _compile(names: list[str], folder: Path, prefix: str) -> str:
    """What the child said when it failed; nothing when it did not."""
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-W", "ignore", str(SCRIPT), prefix],
        cwd=folder,
        env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
        input="\n".join(names),
        capture_output=True,
        text=True,
        check=False,
    )
    last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    return last if done.returncode else ""
