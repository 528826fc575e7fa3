"""A project's folder, its configuration, and `.mlagent` in it, where runs are kept."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlagent import __version__
from mlagent.config.load import Settings
from mlagent.core.files import write_whole
from mlagent.core.stage import Stage
from mlagent.engine import identity, record
from mlagent.engine.record import RunRecord
from mlagent.errors import InfrastructureError, InputError

HOME = ".mlagent"


class Workspace(msgspec.Struct, frozen=True):
    """Where a project's runs live; `home` is `.mlagent` in the project."""

    project: Path
    settings: Settings
    stages: tuple[Stage, ...]

    @property
    def home(self) -> Path:
        """The folder mlagent keeps to itself, outside version control."""
        return self.project / HOME

    def run_folder(self, run_id: str) -> Path:
        """Where one run keeps its record and its outputs."""
        return self.home / "runs" / run_id

    def begin(self, *, fresh: bool) -> RunRecord:
        """The record for what source, data and configuration are now: the next attempt, `fresh` or going on."""
        settings, data = self.settings, self.settings.sections["data"]
        config = {name: settings.plain(name) for name in settings.sections}
        source = identity.source_digest(self.project, {glob for stage in self.stages for glob in stage.sources})
        rows = identity.data_digest(self.project, data.path)
        run_id = identity.run_id(source, rows, config)
        folder = self.run_folder(run_id)
        earlier = record.load(folder) if (folder / record.FILE).exists() else None
        open_home(self.home)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.home / "newest", run_id.encode())
        return RunRecord(
            mlagent=__version__,
            run_id=run_id,
            attempt=earlier.attempt + 1 if earlier else 1,
            project=settings.sections["project"].name,
            source=source,
            data=rows,
            config=config,
            config_sources={key: str(where) for key, where in settings.sources.items()},
            stages=earlier.stages if earlier and not fresh else {},
        )

    def newest(self) -> RunRecord:
        """The record of the run begun last; InputError (4) when there is none."""
        try:
            run_id = (self.home / "newest").read_text()
        except FileNotFoundError as error:
            raise InputError(f"there is no run yet in {self.project}", hint="start one with `mlagent run`") from error
        return self.named(run_id)

    def named(self, run_id: str) -> RunRecord:
        """The record of a run by its id."""
        if not re.fullmatch(r"[0-9a-f]{12}", run_id):
            raise InputError(f"{run_id!r} is not a run's id (twelve hex digits)", hint="see .mlagent/runs")
        return record.load(self.run_folder(run_id))

    def changed(self, run: RunRecord) -> list[str]:
        """What is no longer as the run found it: `source`, `data`."""
        source = identity.source_digest(self.project, {glob for stage in self.stages for glob in stage.sources})
        now: Mapping[str, str] = {
            "source": source,
            "data": identity.data_digest(self.project, self.settings.sections["data"].path),
        }
        return [name for name, found in now.items() if found != getattr(run, name)]


def open_home(home: Path) -> None:
    """Make `.mlagent`, ignored by git; InfrastructureError (20) where the project cannot be written to."""
    try:
        home.mkdir(exist_ok=True)
        if not (home / ".gitignore").exists():
            write_whole(home / ".gitignore", b"*\n")
    except OSError as error:
        raise InfrastructureError(
            f"{home} cannot be written: {os.strerror(error.errno or 0)}", hint="is the disk full, or mounted read-only?"
        ) from error
