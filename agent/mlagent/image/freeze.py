"""Makes the lock: uv resolves what the server needs for the image's platform and Python, by wheels alone."""

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mlagent.core.digest import ALGORITHM
from mlagent.core.files import write_whole
from mlagent.core.ports.children import Children
from mlagent.core.ports.log import Log
from mlagent.errors import ConfigError, InputError
from mlagent.image import uv
from mlagent.image.lock import MADE, Lock, Requirement, check, load, needed
from mlagent.image.uv import Target

RESOLVED = "pylock.serving.toml"


class Here(NamedTuple):
    """Who runs uv, a folder to work in, and who is told."""

    tools: Children
    work: Path
    log: Log


def ensure(path: Path, name: str, target: Target, here: Here, *, anew: bool) -> tuple[Lock, str]:
    """The lock of the project, made where there is none or it is asked for `anew`; what people are to be told of it.

    InputError (4) where the one that is there, called `name`, cannot be read; ConfigError (3) if it is for another.
    """
    _must_be_ours(path, name)
    there = path.is_file()
    if there and not anew:
        found = load(path, name)
        check(found, name, target.platform, target.python, needed(target.device))
        return found, ""
    here.log.info(f"freezing the serving environment for {target.platform}, Python {target.python}")
    found = freeze(target, here.tools, here.work)
    said = _renewed(found, path, name) if there else f"{name} made: commit it"
    write_whole(path, found.text().encode())
    here.log.info(said)
    return found, said


def _must_be_ours(path: Path, name: str) -> None:
    """ConfigError (3) where no file can be, or is something else that would be lost when it is renewed."""
    if path.is_dir() or not path.parent.is_dir():
        said = "is a folder" if path.is_dir() else f"would be in a folder that is not there, {path.parent}"
        raise ConfigError(f"package.lock: {name} {said}", hint="name a file in a folder of the project")
    if path.is_file() and (held := path.read_bytes()) and MADE.encode() not in held:
        raise ConfigError(
            f"package.lock: {name} was not made by mlagent, and is left as it is",
            hint="package.lock names the file that `mlagent package` makes itself; name another, or remove this one",
        )


def _renewed(found: Lock, path: Path, name: str) -> str:
    """What is another than it was."""
    try:
        changed = found.changed_from(load(path, name))
    except InputError:  # it is renewed because it cannot be read
        changed = ["all of it"]
    return f"{name}: {'; '.join(changed)}: commit it" if changed else f"{name} is as it was"


def freeze(target: Target, tools: Children, work: Path) -> Lock:
    """Resolve now, in the folder `work`; ConfigError (3) names the package that has no wheel that fits."""
    wanted = needed(target.device)
    with TemporaryDirectory(dir=work) as folder:  # uv notes addresses, which may hold a password
        asked, resolved = Path(folder) / "serving.in", Path(folder) / RESOLVED
        asked.write_text("".join(f"{one}\n" for one in wanted))
        options = ["--generate-hashes", "--no-header", "--format", "pylock.toml", "--output-file", str(resolved)]
        said = uv.run(["compile", str(asked), *options, *target.options], tools, work / "freezing.log")
        if said:
            raise uv.cannot_freeze(said)
        packages = tomllib.loads(resolved.read_text()).get("packages", [])
    return Lock(target.platform, target.python, wanted, tuple(_requirement(one) for one in packages))


def _requirement(package: dict[str, object]) -> Requirement:
    """A package of uv's lock, which lists the wheels that fit the platform."""
    name, version, wheels = package["name"], package.get("version"), package.get("wheels")
    if not isinstance(version, str) or not isinstance(wheels, list):
        raise ConfigError(
            f"{name} is no published package with wheels", hint="is it installed from a folder or repository?"
        )
    hashes = sorted({f"{ALGORITHM}:{one['hashes'][ALGORITHM]}" for one in wheels})
    return Requirement(str(name), version, tuple(hashes))
