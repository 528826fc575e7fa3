"""A project's folder, its configuration, and `.mlagent` in it, where runs are kept."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from mlagent import __version__, adapters
from mlagent.config.load import Settings
from mlagent.core.artifact import Stored
from mlagent.core.files import write_whole
from mlagent.core.ports.ledger import Ledger
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.ports.store import Store
from mlagent.core.stage import Stage
from mlagent.engine import accepted, hooks, identity, lease, skips, world
from mlagent.engine.blobs import NodeBlobs
from mlagent.engine.clock import now
from mlagent.engine.dataset import Dataset
from mlagent.engine.keys import Given
from mlagent.engine.record import Records, RunRecord
from mlagent.errors import InfrastructureError, InputError

HOME = ".mlagent"
RUN_ID = re.compile(r"[0-9a-f]{12}")


class Workspace:
    """Where a project's runs live; `home` is `.mlagent` in the project."""

    def __init__(self, project: Path, settings: Settings, stages: tuple[Stage, ...]) -> None:
        """Open nothing yet."""
        self.project, self.settings, self.stages = project, settings, stages
        self.home = project / HOME
        self.asked: frozenset[str] = frozenset()
        self.notice: Callable[[str], None] = lambda _: None  # is told what a person should look at

    @cached_property
    def store(self) -> Store:
        """Where blobs, results and records are kept: `.mlagent/store`, or what the `store:` section names."""
        section = self.settings.sections["store"]
        return adapters.store(section, self.project, self.home / "store")

    @cached_property
    def blobs(self) -> NodeBlobs:
        """Pieces of images on this node: in `.mlagent/images`, or what `package.cache` names."""
        package = self.settings.sections.get("package")
        named = package.cache if package else None
        return NodeBlobs(self.project / Path(named).expanduser() if named else self.home / "images", self.store)

    @cached_property
    def dataset(self) -> Dataset:
        """The team's rows."""
        return Dataset(self.project, self.settings.sections["data"], self.home / "data")

    @cached_property
    def ledger(self) -> Ledger:
        """Who did what to a model, and the next build's number."""
        return adapters.ledger(self.settings.sections["ledger"], self.project, self.store, notice=self.notice)

    @cached_property
    def registry(self) -> ModelRegistry:
        """Versions of models, and which one is in production."""
        return adapters.registry(self.settings.sections["tracking"], self.home / "mlflow", self.store)

    @cached_property
    def records(self) -> Records:
        """The records of all runs."""
        return Records(self.store, self.home / "runs")

    @property
    def shared(self) -> bool:
        """Whether other machines may use the same store."""
        return self.settings.sections["store"].url is not None

    @property
    def environments(self) -> Path:
        """Where the worker's environments are kept: `.mlagent/environments`, or what `worker.environments` names."""
        named = self.settings.sections["worker"].environments
        return self.project / Path(named).expanduser() if named else self.home / "environments"

    def run_folder(self, run_id: str) -> Path:
        """Where one run keeps its files on this machine."""
        return self.home / "runs" / run_id

    def given(self, force: Mapping[str, str]) -> Given:
        """What the plan depends on, as it is now."""
        found = identity.given(self.project, self.settings, self.stages, self.facts(), force)
        earlier = self.records.load(identity.run_id(found))
        made = earlier[0].stages.get("export") if earlier else None
        if earlier and made and any(one.digest == found.facts[world.PRODUCTION] for one in made.outputs.values()):
            before = earlier[0].facts.get(world.PRODUCTION, "")  # no run is its own reference
            return msgspec.structs.replace(found, facts={**found.facts, world.PRODUCTION: before})
        return found

    def moved_since(self, given: Given, stage: Stage) -> str:
        """What of that which the stage declares is no longer as it was given; nothing when all is."""
        counted = stage.counts_sources(given.config[stage.settings])
        if counted and identity.sources_digest(self.project, stage) != given.sources[stage.name]:
            return "the sources"
        if "data" in stage.facts and self.dataset.digest() != given.facts["data"]:
            return "the data"
        return ""

    def facts(self) -> dict[str, str]:
        """What stages may declare of the world, by name: a digest, or nothing where there is none."""
        data = self.dataset.digest()
        schema = self.settings.sections["data"].schema
        found = self.accepted(data)
        return {
            "data": data,
            "schema": identity.file_digest(self.project, schema) if schema else "",
            world.ACCEPTED: found.profile.digest if found else "",
            world.PRODUCTION: world.production(self.registry, self.settings.sections["project"].name)[0],
            world.WAIVERS: world.waivers_digest(self.settings),
            world.POLICY: world.policy_digest(self.settings),
            **world.image(self.project, self.settings),
            **hooks.facts(self.project, self.settings, self.stages),
            **skips.facts(self.settings, self.stages),
        }

    def accept(self, data: str, profile: Stored, run_id: str) -> accepted.Accepted:
        """The gate passed on a model of this data; gives as whose it stands: of the run that was the first."""
        one = accepted.Accepted(data, profile, run_id)
        return accepted.accept(self.store, self.settings.sections["project"].name, one)

    def accepted(self, data: str) -> accepted.Accepted | None:
        """The data that passed last and is not this."""
        return accepted.reference(self.store, self.settings.sections["project"].name, data)

    def hold(self, run_id: str) -> lease.Lease:
        """Take the run for this process; Held (21) says who has it."""
        if self.shared:
            return lease.StoreLease(self.store, run_id, self.settings.sections["store"].lease_seconds)
        return lease.FileLease(self._lock(run_id))

    def holder(self, run_id: str) -> str:
        """Who holds the run now, empty for nobody; takes nothing."""
        if self.shared:
            return lease.StoreLease.holder(self.store, run_id)
        return lease.FileLease.holder(self._lock(run_id))

    def _lock(self, run_id: str) -> Path:
        return self.run_folder(run_id) / "lock"

    def begin(self, given: Given, held: lease.Lease) -> tuple[RunRecord, str | None]:
        """The record of the next attempt of the run that `given` names, and the version it goes on from.

        A new run has no build number yet.
        """
        run_id = identity.run_id(given)
        found = self.records.load(run_id)
        earlier, version = found or (None, None)
        commit, dirty = self._git()
        record = RunRecord(
            mlagent=__version__,
            run_id=run_id,
            attempt=earlier.attempt + 1 if earlier else 1,
            build=earlier.build if earlier else 0,
            project=self.settings.sections["project"].name,
            begun=now(),
            commit=commit,
            dirty=dirty,
            reason=_reason() or (earlier.reason if earlier else ""),
            facts=given.facts,
            config=given.config,
            config_sources={key: str(where) for key, where in self.settings.sources.items()},
            force=given.force,
            fence=held.fence,
            results=earlier.results if earlier else set(),
            untold=earlier.untold if earlier else [],
            told=earlier.told if earlier else set(),
            ended=earlier.ended if earlier else "",
            stages=earlier.stages if earlier else {},
        )
        write_whole(self.home / "newest", run_id.encode())
        return record, version

    def named(self, run_id: str | None = None) -> RunRecord:
        """The record of a run by its id, or of the run begun last; InputError (4) when there is none."""
        run_id = run_id or self.newest()
        if run_id is None:
            raise self._none_is_newest()
        if not RUN_ID.fullmatch(run_id):
            raise InputError(f"{run_id!r} is not a run's id (twelve hex digits)", hint="see .mlagent/runs")
        found = self.records.load(run_id)
        if found is None:
            raise InputError(f"there is no run {run_id}", hint=f"runs: {', '.join(self.records.ids()[:20]) or 'none'}")
        return found[0]

    def _none_is_newest(self) -> InputError:
        known = ", ".join(self.records.ids()[:20])
        if known:
            return InputError(f"which run was begun last in {self.project} is not known", hint=f"name one: {known}")
        return InputError(f"there is no run yet in {self.project}", hint="start one with `mlagent run`")

    def newest_record(self) -> RunRecord | None:
        """Its record, None when there is none."""
        run_id = self.newest()
        try:
            found = self.records.load(run_id) if run_id else None
        except InputError:  # it only lets a plan say what changed since
            return None
        return found[0] if found else None

    def judged_last(self, stage: str) -> RunRecord | None:
        """The run begun last in which the stage came to an end, by a yes or a no."""
        loaded = (self.records.load(run_id) for run_id in self.records.ids())
        ended = [
            found[0]
            for found in loaded
            if found and stage in found[0].stages and found[0].stages[stage].state in ("done", "refused")
        ]
        return max(ended, key=lambda run: run.begun, default=None)

    def newest(self) -> str | None:
        """Id of the run begun last on this machine."""
        try:
            found = (self.home / "newest").read_text().strip()
        except (OSError, ValueError):
            return None
        return found if RUN_ID.fullmatch(found) else None

    def _git(self) -> tuple[str | None, bool | None]:
        """Commit and whether the tree differs from it; None where there is no git."""
        if not any((folder / ".git").exists() for folder in (self.project, *self.project.parents)):
            return None, None
        command = ["git", "-C", str(self.project), "status", "--porcelain=v2", "--branch", "--", "."]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        except (OSError, subprocess.CalledProcessError):
            return None, None
        commit = next((line.split()[-1] for line in said if line.startswith("# branch.oid")), "(initial)")
        if commit == "(initial)":
            return None, None
        return commit, any(not line.startswith("#") for line in said)


def open_home(home: Path) -> None:
    """Make `.mlagent`, ignored by git; InfrastructureError (20) where the project cannot be written to."""
    try:
        home.mkdir(exist_ok=True)
        if not (home / ".gitignore").exists():
            write_whole(home / ".gitignore", b"*\n")
    except OSError as error:
        raise InfrastructureError(
            f"{home} cannot be written: {os.strerror(error.errno or 0)}",
            hint="a file stands where the folder should be: move it away"
            if home.is_file()
            else "is the disk full, or mounted read-only?",
        ) from error


def _reason() -> str:
    """The parameter of the job that `mlagent jenkins sync` makes; a variable of that name means nothing elsewhere."""
    return os.environ.get("reason", "") if "JENKINS_URL" in os.environ else ""  # noqa: SIM112 - as the job spells it
