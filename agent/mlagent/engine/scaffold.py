"""Writes a new project whole, or not at all."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from mlagent.config.fields import nearest
from mlagent.errors import ConfigError, InputError, UsageError

OWN = "tabular"  # the template that takes somebody's rows
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def templates() -> list[str]:
    """Names of the templates that come with mlagent."""
    return sorted(
        entry.name for entry in files("mlagent.templates").iterdir() if entry.joinpath("mlpipeline.yaml").is_file()
    )


def write_project(parent: Path, name: str, template: str, *, schema: str, fill: Callable[[Path], None] | None) -> Path:
    """Write `parent/name`: the template with its name filled in, the `schema` for editors, and what `fill` adds."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a project", hint="use small letters, digits and hyphens, e.g. risk-model"
        )
    if template not in templates():
        raise UsageError(
            f"there is no template {template!r}{nearest(template, templates())}",
            hint=f"templates: {', '.join(templates())}",
        )
    target = parent / name
    if target.exists():
        raise InputError(f"{target} is already there", hint="choose another name, or remove it first")
    beside = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=parent))
    try:
        _fill(beside, name, template)
        (beside / "mlpipeline.schema.json").write_text(schema)
        if fill:
            fill(beside)
        beside.chmod(0o755)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _fill(folder: Path, name: str, template: str) -> None:
    with as_file(files("mlagent.templates").joinpath(template)) as source:
        left_out = shutil.ignore_patterns("__pycache__", "data", ".*_cache")
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=left_out)
    settings = folder / "mlpipeline.yaml"
    settings.write_text(re.sub(r"(?m)^  name: .*$", f"  name: {name}", settings.read_text(), count=1))


def make_data(folder: Path) -> None:
    """Run the template's own script; ConfigError with what it said when it failed."""
    made = subprocess.run([sys.executable, "make_data.py"], cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        said = (made.stderr.strip() or "nothing").splitlines()[-1]
        raise ConfigError(
            f"the template's make_data.py failed and said: {said}",
            hint="pip install 'mlagent[worker]', or write the project without data: --no-data",
        )
