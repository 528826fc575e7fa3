"""The worker's environment: the project's own, made once from what it declares, with only the worker added."""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from types import MappingProxyType

import msgspec

from mlagent.core import digest
from mlagent.core.ports.children import Children
from mlagent.core.ports.log import Log
from mlagent.errors import ConfigError, InfrastructureError

REQUIREMENTS = ("requirements.lock", "requirements.txt")
FILES = ("uv.lock", *REQUIREMENTS, "pyproject.toml")
REFERS = re.compile(r"(?:-r|-c|-e|--requirement|--constraint|--editable)[ =]*([^#]+)|((?:\.|/|file:)[^#\[;]*)")
LIKELY = ("torch", "numpy", "onnx", "onnxscript", "scikit-learn", "pytest", "ruff")
MAKING_SECONDS = 3600.0
AWAY = ("ConnectionError", "NewConnectionError", "timed out", "Temporary failure", "Connection refused", "dns error")
WORKER = Path(__file__).parents[1] / "training"


class Declared(msgspec.Struct, frozen=True):
    """What a project declares: the file it stands in, the tool that reads it, and the requirements of a pyproject."""

    file: str
    tool: str
    requirements: tuple[str, ...] = ()


def declared(project: Path) -> Declared | None:
    """What to install, by what stands in the project: uv.lock, requirements, or pyproject's dependencies; else None."""
    if (project / "uv.lock").is_file():
        return Declared("uv.lock", "uv")
    for name in REQUIREMENTS:
        if (project / name).is_file():
            return Declared(name, "pip")
    path = project / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text()).get("project", {}) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"pyproject.toml: {error}", hint="mend the file; it declares what the project needs"
        ) from error
    listed = table.get("dependencies", []) if isinstance(table, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ConfigError(
            "pyproject.toml: project.dependencies is no list of texts", hint='write dependencies = ["torch>=2.9", …]'
        )
    return Declared("pyproject.toml", "pip", tuple(listed)) if listed else None


def digest_of(project: Path) -> str:
    """Names the environment: what is declared, with what that refers to, this Python, platform and worker.

    Where nothing is declared, mlagent's own: the versions of the packages that the team's code is likely to use.
    """
    found = declared(project)
    here = [platform.python_version(), platform.machine(), sys.platform]
    if found is None:
        return digest.of_json([{name: _version(name) for name in LIKELY}, here])
    content = list(found.requirements) or _content(project / found.file, frozenset())
    return digest.of_json([found.file, content, here, digest.of_tree(WORKER)])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _content(path: Path, above: frozenset[Path]) -> list[str]:
    """Digests of a requirements file and of all the files and folders of the project that it refers to."""
    if path in above:
        return []
    found = [digest.of_file(path)]
    for line in path.read_text(errors="replace").splitlines() if path.suffix in (".txt", ".lock", ".in") else ():
        match = REFERS.match(line.strip())
        named = path.parent / (match[1] or match[2]).strip() if match else None
        if named and named.is_dir():
            found.append(digest.of_tree(named))
        elif named and named.is_file():
            found += _content(named, above | {path})
    return found


def folder_of(project: Path, cache: Path) -> Path:
    """Where the environment of what is declared is made, in the folder of them all."""
    return cache / digest.short(digest_of(project))


def python_in(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def whole(folder: Path) -> bool:
    """Whether it was finished, and every file is still there in its size."""
    marker = folder / "complete"
    return marker.is_file() and marker.read_text() == _listing(folder)


def here(program: str) -> bool:
    """Whether what mlagent starts finds this program."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return shutil.which(program, path=path) is not None


def prepare(project: Path, cache: Path, children: Children, log: Log, wheelhouse: str | None = None) -> Path:
    """Path of the interpreter that runs the team's code, in an environment made now or before; mlagent's own if none.

    `wheelhouse` is a folder, relative to the project, to install from instead of the package index.
    ConfigError (3) when what is declared cannot be installed, InfrastructureError (20) when the index is away.
    """
    found = declared(project)
    if found is None:
        return Path(sys.executable)
    folder = folder_of(project, cache)
    python = python_in(folder)
    with _locked(cache / f"{folder.name}.lock", log):
        if not whole(folder) or not _starts(python):
            log.info(f"making the worker's environment from {found.file}")
            _make(project, folder, found, children, _offline(project, wheelhouse))
    return python


def _offline(project: Path, wheelhouse: str | None) -> tuple[str, ...]:
    """Options of pip and uv alike."""
    if wheelhouse is None:
        return ()
    folder = project / Path(wheelhouse).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"worker.wheelhouse is no folder: {folder}", hint="`pip download -d FOLDER …` fills one")
    return "--no-index", "--find-links", str(folder)


@contextmanager
def _locked(path: Path, log: Log) -> Iterator[None]:
    """One at a time makes an environment; the kernel lets go when the maker dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another run is making the worker's environment: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _listing(folder: Path) -> str:
    """Digest of the names and sizes of all files; what Python compiles beside them does not count."""
    found: dict[str, int] = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one != "__pycache__"]
        found |= {f"{root}/{name}": (Path(root) / name).lstat().st_size for name in names if name != "complete"}
    return digest.of_json(sorted(found.items()))


def _starts(python: Path) -> bool:
    """Whether it can import the worker, from itself alone."""
    try:
        found = subprocess.run([python, "-I", "-c", "import mlagent.training"], capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0


def _make(project: Path, folder: Path, found: Declared, children: Children, offline: tuple[str, ...]) -> None:
    """Make it in its place, since scripts hold their interpreter's path; the marker is written last."""
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder, found, project, children)
    _install(project, folder, found, children, offline)
    (site,) = folder.glob("lib/python*/site-packages")
    shutil.copytree(WORKER, site / "mlagent" / "training", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "mlagent" / "__init__.py").write_text('"""Only the worker part of mlagent is here."""\n')
    _details(folder).unlink(missing_ok=True)
    (folder / "complete").write_text(_listing(folder))


def _install(project: Path, folder: Path, found: Declared, children: Children, offline: tuple[str, ...]) -> None:
    """By pip, or by uv: a lock knows the index of each package, which a folder of wheels takes the place of."""
    python = str(python_in(folder))
    if found.tool == "uv" and not offline:
        sync = ["uv", "sync", "--frozen", "--no-install-project", "--no-progress", "--python", python]
        _run(sync, folder, found, project, children, {"UV_PROJECT_ENVIRONMENT": str(folder)})
        return
    what = list(found.requirements) or ["-r", str(project / found.file)]
    if found.tool == "uv":
        listed = str(folder / "requirements.txt")
        export = ["uv", "export", "--frozen", "--no-emit-project", "--quiet", "--output-file", listed, "--offline"]
        _run(export, folder, found, project, children)
        what = ["-r", listed]
    by_uv = found.tool == "uv" or util.find_spec("pip") is None
    pip = [sys.executable, "-m", "pip", "--log", str(_details(folder)), "--disable-pip-version-check", "--no-input"]
    quiet = [] if by_uv else ["--progress-bar", "off"]
    install = ["uv", "pip", "install", "--python", python] if by_uv else [*pip, "--python", python, "install"]
    _run([*install, *quiet, *offline, *what], folder, found, project, children)


def _details(folder: Path) -> Path:
    """Where pip says all it does; on its output it keeps to itself that an index is away."""
    return folder.with_suffix(".pip.log")


def _run(
    command: list[str],
    folder: Path,
    found: Declared,
    project: Path,
    children: Children,
    env: Mapping[str, str] = MappingProxyType({}),
) -> None:
    if not here(command[0]):
        raise ConfigError(
            f"{found.file} needs the program {command[0]!r}, and it is not here",
            hint=f"install it on the build node (pip install {command[0]}), or keep a requirements.txt in its place",
        )
    kept = folder.with_suffix(".log")
    _details(folder).unlink(missing_ok=True)
    if children.execute(command, seconds=MAKING_SECONDS, env=env, kept=kept) == 0:
        return
    lines = kept.read_text(errors="replace").splitlines()
    details = _details(folder).read_text(errors="replace").splitlines() if _details(folder).exists() else []
    away = next((line for line in [*lines, *details] if any(word in line for word in AWAY)), None)
    if away:
        raise InfrastructureError(
            f"what {found.file} declares could not be fetched: {away.strip()}",
            hint="is the package index up? worker.wheelhouse names a folder of wheels to install from without one",
        )
    errors = [line for line in lines if "error" in line.lower()]
    said = next(reversed(errors or lines), "it said nothing").strip()
    raise ConfigError(
        f"{_place(project, found, errors)}: the worker's environment cannot be made: {said}",
        hint="is the name spelled right, and is there such a version for this Python? the output is above",
    )


def _place(project: Path, found: Declared, errors: list[str]) -> str:
    """The file, and the line in it that the installer named, or whose requirement it did."""
    numbers = [match[1] for match in (re.search(r"line (\d+) of", line) for line in errors) if match]
    if numbers:
        return f"{found.file}:{numbers[0]}"
    named = {word.strip("'\"(),") for line in errors for word in line.split()}
    for number, line in enumerate((project / found.file).read_text(errors="replace").splitlines(), start=1):
        written = {line.partition("#")[0].replace(" ", ""), *re.findall(r"[\"']([^\"']+)", line)} - {""}
        if written & named:
            return f"{found.file}:{number}"
    return found.file
