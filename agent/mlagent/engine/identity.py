"""Which run this is: a digest of source, data and configuration; never of a commit, a build number or a clock."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mlagent.config.load import Settings
from mlagent.config.sections import Data
from mlagent.core import digest
from mlagent.core.stage import Stage
from mlagent.engine import environment
from mlagent.engine.keys import Given, left_out


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
    """Digest of a file of the project, nothing when it is not there: the stage that needs it says so."""
    path = project / name
    return digest.of_file(path) if path.is_file() else ""


def run_id(world: Given) -> str:
    """Twelve hex digits that name the run; where things are kept, logged and fetched from makes no other one."""
    deciding = {"sources": world.sources, "facts": world.facts, "environment": world.environment}
    config = {name: section for name, section in world.config.items() if name not in ("tracking", "store", "worker")}
    config["data"] = {key: value for key, value in config["data"].items() if key not in left_out(Data)}
    return digest.short(digest.of_json({**deciding, "config": config}))


class _Files:
    """Digests of the project's files, each read once."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._digests: dict[Path, str] = {}

    def digest(self, patterns: Iterable[str]) -> str:
        """Digest of the files the patterns name, by their names and contents."""
        found: dict[str, Path] = {}
        for pattern in patterns:
            matched = {
                path.relative_to(self._project).as_posix(): path for path in self._project.glob(pattern.lstrip("!"))
            }
            if pattern.startswith("!"):
                gone = tuple(f"{name}/" for name in matched)
                found = {
                    name: path for name, path in found.items() if name not in matched and not name.startswith(gone)
                }
            else:
                found |= matched
        kept = {
            name: path for name, path in found.items() if digest.IGNORED.isdisjoint(name.split("/")) and path.is_file()
        }
        return digest.of_json({name: self._of(path) for name, path in kept.items()})

    def _of(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = digest.of_file(path)
        return self._digests[path]
