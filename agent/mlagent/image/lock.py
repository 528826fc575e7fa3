"""The frozen serving environment: every package that an image holds, by version and the digests of its wheels."""

import re
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import msgspec

from mlagent.core.digest import Digest
from mlagent.errors import ConfigError, InputError

MADE = "# `mlagent package --relock` made it"
HEADER = f"""\
# What the image of this project holds besides its model and mlagent's server: kept with the project, and not edited.
{MADE}, and renews it.
"""
AGAIN = "give `mlagent package --relock`, look at what changes, and commit it"
OURS = {"msgspec"}  # of what mlagent itself needs, the server's part
_FACT = re.compile(r"# (platform|python|for): (.+)")
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][\w.!+-]*)", re.ASCII)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


class Requirement(msgspec.Struct, frozen=True):
    """One package: its version, and the digests of the wheels of it that may be installed."""

    name: str
    version: str
    hashes: tuple[Digest, ...]

    def __str__(self) -> str:
        """As it stands in the file."""
        return " \\\n    ".join([f"{self.name}=={self.version}", *(f"--hash={one}" for one in self.hashes)])


class Lock(msgspec.Struct, frozen=True):
    """All of them, for one platform and Python; `wanted` is what was resolved."""

    platform: str
    python: str
    wanted: tuple[str, ...]
    requirements: tuple[Requirement, ...]

    def text(self) -> str:
        """The file."""
        facts = {"platform": self.platform, "python": self.python, "for": ", ".join(self.wanted)}
        told = "".join(f"# {name}: {value}\n" for name, value in facts.items())
        return HEADER + told + "".join(f"{one}\n" for one in self.requirements)

    def changed_from(self, before: "Lock") -> list[str]:
        """What is another than it was: `numpy 2.3.0 -> 2.4.1`, and new wheels of the same version."""
        old, new = ({one.name: one for one in lock.requirements} for lock in (before, self))
        said = []
        for name in sorted(old.keys() | new.keys()):
            was, now = old.get(name), new.get(name)
            versions = [one.version if one else "none" for one in (was, now)]
            if versions[0] != versions[1]:
                said.append(f"{name} {' -> '.join(versions)}")
            elif was != now:
                said.append(f"{name} {versions[1]}, other wheels")
        return said


def needed(device: str = "cpu") -> tuple[str, ...]:
    """What the server in the image needs on that device, by the metadata of the mlagent that is installed."""
    found, wanted = set(), "serve" if device == "cpu" else "serve-gpu"
    for line in metadata.requires("mlagent") or ():
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        extra = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", marker)
        name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
        if (extra and extra[1] == wanted) or (not marker and name in OURS):
            found.add(requirement)
    return tuple(sorted(found))


def load(path: Path, name: str) -> Lock:
    """Read the file, called `name`; InputError (4) says in which line what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no text: {error.reason} at byte {error.start}", hint=AGAIN) from error
    facts: dict[str, str] = {}
    found: dict[str, Requirement] = {}
    for number, line in _logical(text):
        if line.startswith("#"):
            facts |= {match[1]: match[2].strip() for match in [_FACT.fullmatch(line)] if match}
            continue
        requirement = _requirement(line, f"{name}:{number}")
        if requirement.name in found:
            raise InputError(f"{name}:{number}: {requirement.name} stands here twice", hint=AGAIN)
        found[requirement.name] = requirement
    missing = [fact for fact in ("platform", "python", "for") if fact not in facts]
    if missing or not found:
        told = f"its lines `# {missing[0]}: …`" if missing else "any package"
        raise InputError(f"{name} lacks {told}: it was not made by mlagent, or was cut off", hint=AGAIN)
    return Lock(facts["platform"], facts["python"], tuple(facts["for"].split(", ")), tuple(found.values()))


def check(lock: Lock, name: str, platform: str, python: str, wanted: Sequence[str]) -> None:
    """Refuse one that was made for another image than the one that is wanted (3), or was cut down since (4)."""
    pairs = {
        "platform": (lock.platform, f"package.platform is {platform}", platform),
        "Python": (lock.python, f"package.python is {python}", python),
        "requirements": (", ".join(lock.wanted), f"this mlagent serves with {', '.join(wanted)}", ", ".join(wanted)),
    }
    for what, (has, told, wants) in pairs.items():
        if has != wants:
            raise ConfigError(f"{name} was frozen for {what} {has}, and {told}", hint=AGAIN)
    names = {_normal(re.split(r"[^A-Za-z0-9._-]", one)[0]) for one in wanted}
    lost = sorted(names - {one.name for one in lock.requirements})
    if lost:
        raise InputError(f"{name} lacks {', '.join(lost)}, which the server needs", hint=AGAIN)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with those that continue them, and the number of their first; comments are lines of their own."""
    begun, first = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        first = first if begun else number
        if line.endswith("\\"):
            begun += line[:-1].strip() + " "
            continue
        whole, begun = (begun + line).strip(), ""
        if whole:
            yield first, whole
    if begun:
        yield first, begun.strip()


def _requirement(line: str, place: str) -> Requirement:
    pinned, *options = line.split()
    match = _PINNED.fullmatch(pinned)
    if match is None:
        raise InputError(f"{place}: {pinned!r} names no package by its version (name==1.2.3)", hint=AGAIN)
    hashes = [_HASH.fullmatch(one) for one in options]
    for option, found in zip(options, hashes, strict=True):
        if found is None:
            raise InputError(f"{place}: {option!r} is no --hash=sha256:… of {match['name']}", hint=AGAIN)
    if not hashes:
        raise InputError(
            f"{place}: {match['name']} has no --hash=sha256:…, and what is not named by its digest is not installed",
            hint=AGAIN,
        )
    return Requirement(_normal(match["name"]), match["version"], tuple(one[1] for one in hashes if one))


def _normal(name: str) -> str:
    """As the index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()
