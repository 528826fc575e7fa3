"""What a Docker engine builds from: our own Dockerfile or the team's, with a folder mlagent/ beside its other files."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlagent.core import digest
from mlagent.core.ports.engine import BuildFailed
from mlagent.errors import ConfigError, InfrastructureError, MlagentError, TeamCodeError
from mlagent.image import context
from mlagent.image.lock import Lock

OURS = Path(__file__).with_name("Dockerfile")
NAME, ADDED, WHEELS, IGNORE = "Dockerfile", "mlagent", "wheels", ".dockerignore"
LEFT_OUT = shutil.ignore_patterns(".mlagent", ".git")
WRONG_STEP = (
    "its output is above; mlagent/ lies beside the Dockerfile in the context, and BASE is what package.base names"
)
OUR_STEP = (
    "its output is above: has the base pip and the Python of the lock, is the package index in reach of the engine's"
    " containers? With package.wheelhouse none is needed"
)
_BASE = re.compile(r"(?im)^\s*ARG\s+BASE\b")


class Recipe(msgspec.Struct, frozen=True):
    """A Dockerfile, and whether it is the team's: then its folder is the context."""

    path: Path
    own: bool

    @property
    def wants_base(self) -> bool:
        """Whether it asks to be told what to stand on."""
        return bool(_BASE.search(self.path.read_text(encoding="utf-8", errors="replace")))

    def failed(self, error: BuildFailed) -> MlagentError:
        """Whose fault a step is that did not work."""
        if self.own:
            return TeamCodeError(f"package.dockerfile: {error.message}", hint=WRONG_STEP)
        return InfrastructureError(error.message, hint=OUR_STEP)


def recipe(project: Path, named: str | None) -> Recipe:
    """The team's, by its path in the project, or ours; ConfigError (3) where there is no such file."""
    path = project / named if named else OURS
    if not path.is_file():
        raise ConfigError(f"package.dockerfile: there is no file {named}", hint="correct its path, or unset it")
    if named and (path.parent / ADDED).exists():
        raise ConfigError(
            f"beside {named} there is already a {ADDED}/, where mlagent puts the model, its server and its lock",
            hint="call that folder otherwise, or put the Dockerfile into a folder of its own",
        )
    return Recipe(path, bool(named))


def lay_out(
    folder: Path, recipe: Recipe, lock: Lock, files: tuple[Path, Path], wheelhouse: Path | None, ending: str
) -> None:
    """Fill a folder that is not there yet; `files` are model and signature, `ending` goes below our own Dockerfile."""
    if recipe.own:
        shutil.copytree(recipe.path.parent, folder, symlinks=True, ignore=LEFT_OUT)
        if (folder / IGNORE).is_file():
            with (folder / IGNORE).open("a") as ignored:
                ignored.write(f"\n!{ADDED}\n")
    else:
        folder.mkdir()
        (folder / NAME).write_text(recipe.path.read_text() + ending)
    added = folder / ADDED
    context.lay_out(added, lock, *files)
    (added / WHEELS).mkdir()
    for wheel in wheelhouse.glob("*.whl") if wheelhouse else ():
        if digest.of_file(wheel) in {one for requirement in lock.requirements for one in requirement.hashes}:
            shutil.copyfile(wheel, added / WHEELS / wheel.name)
    for path in (added, *added.rglob("*")):  # whoever serves is not root
        path.chmod(0o755 if path.is_dir() else 0o644)


def ending(command: list[str], labels: Mapping[str, str]) -> str:
    """The lines that a project has of its own."""
    told = " ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
    return f"CMD {json.dumps(command)}\nLABEL {told}\n"
