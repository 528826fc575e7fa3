"""What the worker's environment is, and what it holds: for the doctor, who installs nothing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlagent.engine import environment
from mlagent.engine.doctor import Finding
from mlagent.engine.workspace import Workspace

NEEDED = ("torch", "numpy", "onnx", "onnxscript")
OLDEST_TORCH = (2, 9)  # the worker is tested with it; pyproject's extra says the same
SECONDS = 120.0
SEEN = ("PATH", "HOME", "LD_LIBRARY_PATH")  # and CUDA's: enough for torch to find a GPU, and no secrets
LOOK = """
import importlib.util, json, platform, sys
from importlib import metadata
held = {}
for name in sys.argv[1:]:
    try:
        held[name] = importlib.util.find_spec(name) and metadata.version(name)
    except metadata.PackageNotFoundError:
        held[name] = "its version is not recorded"
gpu = failure = None
if held["torch"]:
    try:
        import torch
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
print(json.dumps([platform.python_version(), held, gpu, failure]))
"""


def examine_worker(workspace: Workspace) -> list[Finding]:
    """What declares the environment of the team's code, whether it is made, and what it holds or lacks."""
    found = environment.declared(workspace.project)
    if found is None:
        said = f"nothing declares one ({', '.join(environment.FILES)}): mlagent's own"
        return [_found("environment", said), *_inside(Path(sys.executable), "pip install 'mlagent[worker]'", NEEDED)]
    folder = environment.folder_of(workspace.project, workspace.environments)
    where = os.path.relpath(folder, workspace.project) if workspace.home in folder.parents else folder
    first = _found("environment", f"{found.file}, read by {found.tool}")
    if not environment.here(found.tool) and found.tool != "pip":
        hint = f"pip install {found.tool} on this node, or keep a requirements.txt in place of {found.file}"
        return [first, Finding("worker", found.tool, "missing", hint)]
    if not environment.whole(folder):
        state = "was changed since it was made" if folder.is_dir() else "not made yet"
        said = f"{state}: the next run makes it in {where}; then its packages can be told"
        return [first, Finding("worker", "made", "optional", said)]
    remedy = f"add it to {found.file}"
    return [first, _found("made", str(where)), *_inside(environment.python_in(folder), remedy, _needed(workspace))]


def _needed(workspace: Workspace) -> Sequence[str]:
    """With what the project's tests are run by, which only it can bring."""
    return (*NEEDED, "pytest") if "pytest" in workspace.settings.sections["check"].test else NEEDED


def _found(need: str, detail: str) -> Finding:
    return Finding("worker", need, "found", detail)


def _inside(python: Path, remedy: str, needed: Sequence[str]) -> Iterator[Finding]:
    env = {name: text for name, text in os.environ.items() if name in SEEN or name.startswith(("CUDA", "NVIDIA"))}
    try:
        command = [str(python), "-I", "-c", LOOK, *needed]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("worker", "python", "optional", f"it does not start: the next run makes it anew ({error})")
        return
    version, held, gpu, failure = json.loads(ended.stdout.splitlines()[-1])
    yield _found("python", version)
    for name in needed:
        yield _found(name, held[name]) if held[name] else Finding("worker", name, "missing", remedy)
    numbers = re.match(r"(\d+)\.(\d+)", held["torch"] or "")
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        yield Finding("worker", f"torch >= {oldest}", "missing", f"it holds {held['torch']}: declare {oldest} or later")
    if failure:
        yield Finding(
            "worker", "import torch", "missing", f"{failure}; declare another torch, or install what it needs"
        )
    elif held["torch"]:
        said = f"usable: {gpu}" if gpu else "not usable from its torch: trains on the CPU"
        yield Finding("worker", "CUDA", "found" if gpu else "optional", said)
