"""The machine, the versions and the command, in words: what stands above figures."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.bench.serving import quiet
from tests.bench.serving.peers import CORES, python

PACKAGES = {
    "mlflow": ("mlflow", "uvicorn", "onnxruntime"),
    "mlserver": ("mlserver", "fastapi", "uvicorn", "uvloop", "onnxruntime"),
    "kserve": ("kserve", "fastapi", "uvicorn", "onnxruntime"),
    "litserve": ("litserve", "uvicorn", "onnxruntime"),
    "fastapi": ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "onnxruntime"),
    "bentoml": ("bentoml", "onnxruntime"),
}
OURS = ("onnxruntime", "uvloop", "httptools", "msgspec", "numpy")
ASK = "import sys; from importlib.metadata import version as v; print(', '.join(f'{n} {v(n)}' for n in sys.argv[1:]))"


def said(options: Sequence[str]) -> str:
    """Lines of a list."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.+)", info)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    lines = [
        (
            f"machine: {CORES} cores of {model[1] if model else platform.machine()}, {memory:.0f} GiB of memory,"
            f" Linux {platform.release()}, Python {platform.python_version()}; load average {os.getloadavg()[0]:.1f}"
        ),
        quiet.said(),
        f"command: make bench-serving{_said(options)}",
        "mlagent: " + ", ".join(f"{name} {version(name)}" for name in OURS),
        *(f"{peer}: {_versions(peer, names)}" for peer, names in PACKAGES.items()),
    ]
    return "\n".join(f"- {line}" for line in lines) + "\n"


def _said(options: Sequence[str]) -> str:
    return f" BENCH='{' '.join(options)}'" if options else ""


def _versions(peer: str, names: Sequence[str]) -> str:
    at = f"{Path(os.environ['MLAGENT_TEST_BENTOML']).parent}/" if peer == "bentoml" else python(peer)
    return subprocess.run([at + "python", "-c", ASK, *names], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.stdout.write(said(()))
