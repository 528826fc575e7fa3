"""What the library pins: the very files of a wheelhouse, by their hashes, as pip takes them with --require-hashes.

python -m mlagent.render.pins WHEEL... makes wheels steady that were built here.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from mlagent.core.digest import of_file
from mlagent.errors import InputError

FILE = "resources/mlagent/agent.txt"
_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


class Wheel(NamedTuple):
    """A file of the wheelhouse."""

    name: str
    version: str
    digest: str


def pins(wheelhouse: Path, extras: str) -> str:
    """The lines of agent.txt: mlagent with its extras first, then all that it needs."""
    wheels = sorted(_wheel(path) for path in wheelhouse.glob("*.whl"))
    ours = [wheel for wheel in wheels if wheel.name == "mlagent"]
    if len(ours) != 1:
        raise InputError(f"{wheelhouse} holds {len(ours)} wheels of mlagent", hint="`make wheelhouse` fills it anew")
    rest = [_line(wheel) for wheel in wheels if wheel not in ours]
    return "\n".join([_line(ours[0]._replace(name=f"mlagent[{extras}]")), *rest, ""])


def steady(wheel: Path) -> None:
    """Write a wheel again without compression, whose bytes differ from one zlib to another."""
    with ZipFile(wheel) as found:
        held = [(name, found.read(name)) for name in found.namelist()]
    with ZipFile(wheel, "w", ZIP_STORED) as made:
        for name, data in held:
            made.writestr(ZipInfo(name), data)


def _wheel(path: Path) -> Wheel:
    found = _WHEEL.fullmatch(path.name)
    if found is None:
        raise InputError(f"{path} is not named as a wheel is", hint="`make wheelhouse` fills the folder anew")
    return Wheel(found["name"].replace("_", "-").lower(), found["version"], of_file(path))


def _line(wheel: Wheel) -> str:
    return f"{wheel.name}=={wheel.version} --hash={wheel.digest}"


if __name__ == "__main__":
    for named in sys.argv[1:]:
        steady(Path(named))
