"""Which run this is: a digest of source, data and configuration; never of a commit, a build number or a clock."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from mlagent.config.environments import ENVIRONMENTS
from mlagent.config.load import Settings
from mlagent.config.sections import Data
from mlagent.core import digest
from mlagent.core.stage import Stage
from mlagent.engine import environment
from mlagent.engine.keys import Given, left_out

# Facts that name no run
OF_THE_WORLD = ("production-model", "waivers", "policy", "server", "serving-lock", "dockerfile")
# Sections, besides those of environments, that change no result of compute
ELSEWHERE = (
    "tracking",
    "store",
    "worker",
    "policy",
    "deploy",
    "stages",
    "jenkins",
    "registry",
    "ledger",
    "approvals",
    "card",
)


def given(
    project: Path, settings: Settings, stages: Sequence[Stage], facts: Mapping[str, str], force: Mapping[str, str]
) -> Given:
    """Look at the project as it is now."""
    files = _Files(project)
    return Given(
        config={name: settings.plain(name) for name in settings.sections},
        sources={stage.name: files.digest(stage.sources) for stage in stages if stage.sources},
        facts=facts,
        environment=environment.digest_of(project),
        force=force,
    )


def file_digest(project: Path, name: str) -> str:
    """Digest of a file of the project; where it is not there, other than where none is named: who needs it says so."""
    path = project / name
    return digest.of_file(path) if path.is_file() else "not there"


def run_id(world: Given) -> str:
    """Twelve hex digits that name the run; where things are kept, and what production is by now, makes no other one."""
    facts = {name: one for name, one in world.facts.items() if name not in OF_THE_WORLD}
    deciding = {"sources": world.sources, "facts": facts, "environment": world.environment}
    config = {name: section for name, section in world.config.items() if name not in (*ELSEWHERE, *ENVIRONMENTS)}
    config["data"] = {key: value for key, value in config["data"].items() if key not in left_out(Data)}
    return digest.short(digest.of_json({**deciding, "config": config}))


def sources_digest(project: Path, stage: Stage) -> str:
    """Digest of the files a stage declares, nothing where it declares none."""
    return _Files(project).digest(stage.sources) if stage.sources else ""


class _Files:
    """Digests of the project's files, each read once; links are followed, environments and caches passed over."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._digests: dict[str, str] = {}
        self._names: list[str] | None = None

    def digest(self, patterns: Sequence[str]) -> str:
        """Digest of the files the patterns name (`!` takes away again), by their names and contents."""
        found: set[str] = set()
        for pattern in patterns:
            wanted = _regex(pattern.lstrip("!"))
            matched = {name for name in self._all() if wanted.fullmatch(name)}
            found = found - matched if pattern.startswith("!") else found | matched
        return digest.of_json({name: self._of(name) for name in sorted(found)})

    def _all(self) -> list[str]:
        if self._names is None:
            self._names = list(_walk(self._project, "", frozenset()))
        return self._names

    def _of(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = digest.of_file(self._project / name)
        return self._digests[name]


def _walk(folder: Path, prefix: str, above: frozenset[str]) -> Iterator[str]:
    """Names of all files below; a link that leads back to a folder above is not gone into again."""
    here = os.path.realpath(folder)
    if here in above:
        return
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if any(entry.name == "pyvenv.cfg" for entry in found):
        return
    for entry in found:
        if entry.name in digest.IGNORED:
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {here})
        elif entry.is_file():
            yield prefix + entry.name


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """A glob over names with `/`: `**/` is any folders or none, `*` anything but `/`."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts), re.DOTALL)
