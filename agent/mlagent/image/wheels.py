"""The layer of dependencies: locked wheels in one fixed folder, without scripts and what no server needs, compiled."""

import re
import shutil
from importlib import metadata
from pathlib import Path

from mlagent.core.ports.children import Children
from mlagent.errors import InputError
from mlagent.image import compiled, layers, uv
from mlagent.image.layers import Layer
from mlagent.image.lock import Lock
from mlagent.image.uv import Target

LIBRARY = "opt/mlagent/lib"
REVISION = 1  # rises when the same lock gives other files
INSTALLER = {"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}  # differ between installs
SOURCES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".hpp", ".cpp", ".a", ".lib", ".pyc"}
UNUSED = (
    "bin",
    "numpy/_core/include",
    "numpy/_pyinstaller",
    "numpy/distutils",
    "numpy/doc",
    "numpy/f2py",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
)
ANYWHERE = {"tests", "__pycache__"}
# onnxruntime's wheel holds its runtime twice: as a library for programs in C, and within the module for Python
TWICE, WITHIN, LINKED = "libonnxruntime.so*", "onnxruntime_pybind11_state*.so", b"libonnxruntime.so"


def made_of(lock: Lock) -> list[object]:
    """All that the layer depends on; two layers of the same are the same bytes."""
    makers = [compiled.compilers() if compiled.fits(lock.python) else "", metadata.version("deflate")]
    listed = [(one.name, one.version, one.hashes) for one in lock.requirements]
    return ["dependencies", REVISION, LIBRARY, lock.platform, lock.python, listed, makers]


def layer(lock: Lock, name: str, target: Target, tools: Children, folder: Path, to: Path) -> Layer:
    """Install into an empty folder, tidy, compile, pack; InputError (4) names the package at fault."""
    install(lock, name, target, tools, folder)
    if compiled.fits(lock.python):
        compiled.compile_all(folder, f"/{LIBRARY}")
    return layers.pack(layers.of_folder(folder, LIBRARY), to)


def install(lock: Lock, name: str, target: Target, tools: Children, folder: Path) -> None:
    """Fill an empty folder with what is locked, tidied."""
    listed = folder.with_name("requirements.txt")
    listed.write_text(lock.text())
    options = ["--target", str(folder), "--require-hashes", "--link-mode", "copy"]
    # not `install`, which minds the overrides and constraints that a project has for training ([tool.uv])
    said = uv.run(["sync", *options, *target.options, str(listed)], tools, folder.with_name("installing.log"))
    if said:
        raise uv.cannot_install(said, name, target.wheelhouse)
    tidy(folder)
    installed = {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in folder.glob("*.dist-info")}
    missing = sorted({one.name for one in lock.requirements} - installed)
    if missing:
        raise InputError(f"{name}: {', '.join(missing)} was not installed", hint=uv.RELOCK)


def tidy(folder: Path) -> None:
    """Take away what differs between installs, and what no server opens; each RECORD lists what is left."""
    for path in [folder / one for one in UNUSED] + [path for one in ANYWHERE for path in folder.rglob(one)]:
        shutil.rmtree(path, ignore_errors=True)
    for path in list(folder.rglob("*")):
        ours = path.parent == folder and path.name == ".lock"
        left = path.parent.suffix == ".dist-info" and path.name in INSTALLER
        if path.is_file() and (ours or left or path.suffix in SOURCES):
            path.unlink()
    _once(folder / "onnxruntime" / "capi")
    for record in folder.glob("*.dist-info/RECORD"):
        lines = [line for line in record.read_text().splitlines() if (folder / _path(line)).is_file()]
        record.unlink()  # it may be a link into uv's cache
        record.write_text("".join(f"{line}\n" for line in sorted(lines)))


def _once(folder: Path) -> None:
    """Take away the runtime's library for C, unless the module for Python is linked to it."""
    modules = list(folder.glob(WITHIN))
    if modules and not any(LINKED in path.read_bytes() for path in modules):
        for path in folder.glob(TWICE):
            path.unlink()


def _path(line: str) -> str:
    """The first column of a line of RECORD."""
    return line[1:].partition('"')[0] if line.startswith('"') else line.partition(",")[0]
