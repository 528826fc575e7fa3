"""Gathers what a run's page is made of: the record, and files from the run's folder, or by digest from the store.

Rooms do not know each other, so the engine stands between them: it lets `loadtest` read its samples and hands the page
plain arrays. What cannot be had is handed over as the reason why; nothing here stops a page from being written.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.core.stage import Stage
from mlagent.engine import world
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import InfrastructureError, MlagentError
from mlagent.loadtest import samples
from mlagent.loadtest.measured import Measured
from mlagent.measure import evaluation
from mlagent.measure.profile import Profile
from mlagent.report.run import Attempt, Load, Missing, Percentile, Ran, Rollout, Run

T = TypeVar("T")
TROUBLE = (MlagentError, OSError, ValueError, KeyError, TypeError)  # what a damaged file, or an older one, may raise


def gather(workspace: Workspace, record: RunRecord) -> Run:
    """The run in all its parts, as far as they can be had."""
    with tempfile.TemporaryDirectory() as scratch:
        files = _Files(workspace, record, Path(scratch))
        return Run(
            project=record.project,
            run_id=record.run_id,
            build=record.build,
            attempt=record.attempt,
            begun=record.begun,
            mlagent=record.mlagent,
            commit=record.commit,
            dirty=record.dirty,
            facts=record.facts,
            config=record.config,
            sources=record.config_sources,
            alive=workspace.holder(record.run_id) if _open(record) else "",
            stages=tuple(_ran(stage, record) for stage in workspace.stages),
            profile=files.made("data-profile", _profile),
            accepted=_accepted(files, record),
            epochs=_trained(files, record),
            evaluation=files.made("evaluation", lambda path: evaluation.decode(path.read_bytes())),
            load=_load(files, record),
            rollouts=_rollouts(files, workspace.stages, record),
        )


def _open(record: RunRecord) -> bool:
    return any(entry.state == "running" for entry in record.stages.values())


def _ran(stage: Stage, record: RunRecord) -> Ran:
    entry = record.stages.get(stage.name)
    if entry is None:
        return Ran(name=stage.name, title=stage.title)
    return Ran(
        name=stage.name,
        title=stage.title,
        state=entry.state,
        attempt=entry.attempt,
        started=entry.started,
        seconds=entry.seconds,
        summary=entry.summary,
        hint=entry.hint,
        reused_from=entry.reused_from,
        key=entry.key,
        parts=entry.parts,
        outputs=entry.outputs,
        verdicts=entry.verdicts,
    )


class _Files:
    """A run's files: those of its folder that are what the record says, the others from the store."""

    def __init__(self, workspace: Workspace, record: RunRecord, scratch: Path) -> None:
        self._workspace, self._record, self._scratch = workspace, record, scratch
        self._makers = {artifact.name: stage.name for stage in workspace.stages for artifact in stage.writes}
        self._away = ""

    def made(self, artifact: str, read: Callable[[Path], T]) -> T | Missing:
        """An artifact of this run, read; or why it is not there."""
        maker = self._makers.get(artifact, artifact)
        entry = self._record.stages.get(maker)
        stored = entry.outputs.get(artifact) if entry else None
        if stored is None:
            state = "did not run" if entry is None else f"ended as {entry.state} and left no {artifact}"
            return Missing(f"{maker} {state}")
        return self.read(stored, self._workspace.run_folder(self._record.run_id) / maker / stored.path, read)

    def left(self, stage: str, file: str) -> tuple[Path, Path]:
        """Where a stage that did not end well left a file, and where one that still runs writes it."""
        folder = self._workspace.run_folder(self._record.run_id)
        return folder / stage / file, folder / f".{stage}" / file

    def read(self, stored: Stored, here: Path, read: Callable[[Path], T]) -> T | Missing:
        """A file by its digest, from the run's folder or the store; one that is out of reach is asked once."""
        try:
            if here.is_file() and digest.of_file(here) == stored.digest:
                return read(here)
            return read(self._fetched(stored))
        except InfrastructureError as error:
            self._away = error.message
            return Missing(f"{stored.path} cannot be read ({error.message})")
        except TROUBLE as error:
            said = error.message if isinstance(error, MlagentError) else f"{type(error).__name__}: {error}"
            return Missing(f"{stored.path} cannot be read ({said})")

    def _fetched(self, stored: Stored) -> Path:
        if self._away:
            raise InfrastructureError(self._away)
        path = self._scratch / stored.digest.rpartition(":")[2]
        self._workspace.store.get(stored.digest, path)
        return path


def _accepted(files: _Files, record: RunRecord) -> Profile | Missing:
    """The profile of the rows accepted last, as the run saw it when it began."""
    wanted = record.facts.get(world.ACCEPTED, "")
    if not wanted:
        return Missing("no other rows were accepted before these")
    return files.read(Stored("the profile of the rows accepted last", wanted, 0), Path(), _profile)


def _profile(path: Path) -> Profile:
    return msgspec.json.decode(path.read_bytes(), type=Profile)


def _trained(files: _Files, record: RunRecord) -> list[dict[str, Any]] | Missing:
    """What was told of each epoch; of a training that goes on, or did not come to its end, what it told until then."""
    found = files.made("epochs", _epochs)
    if isinstance(found, Missing) and "train" in record.stages and not record.stages["train"].outputs:
        left = (path for path in files.left("train", "epochs.jsonl") if path.is_file())
        with suppress(*TROUBLE):
            return next((_epochs(path) for path in left), found)
    return found


def _epochs(path: Path) -> list[dict[str, Any]]:
    whole = path.read_bytes().rpartition(b"\n")[0]  # the last line may be in the writing
    return [msgspec.json.decode(line, type=dict[str, Any]) for line in whole.splitlines()]


def _load(files: _Files, record: RunRecord) -> Load | Missing:
    rows = files.made("samples", samples.read)
    found = files.made("latency", lambda path: msgspec.json.decode(path.read_bytes(), type=Measured))
    if isinstance(rows, Missing):
        return rows
    if isinstance(found, Missing):
        return found
    tried = files.made("capacity", lambda path: msgspec.json.decode(path.read_bytes(), type=_Tried))
    return Load(
        due=rows["intended"],
        latency=rows["latency"] * 1000,
        failed=samples.failed(rows),
        kept=np.isin(rows["piece"], found.pieces),
        figures={name: getattr(found, name) for name in ("p50_ms", "p95_ms", "p99_ms", "error_rate")},
        percentiles=msgspec.convert(msgspec.to_builtins(found.quantiles), dict[str, Percentile]),
        profile=record.config.get("load-test", {}).get("profile", "steady"),
        attempts=() if isinstance(tried, Missing) else tried.attempts,
    )


class _Tried(msgspec.Struct, frozen=True):
    """What of `capacity.json` is shown."""

    attempts: tuple[Attempt, ...]


def _rollouts(files: _Files, stages: tuple[Stage, ...], record: RunRecord) -> dict[str, Rollout | Missing]:
    """By environment, of those to which this run deployed, or tried to."""
    deploys = {one.environment: one.name for one in stages if one.verb == "deploy"}
    return {
        environment: files.made(f"timeline@{environment}", _timeline)
        for environment, name in deploys.items()
        if name in record.stages and record.stages[name].state not in ("off", "skipped")
    }


def _timeline(path: Path) -> Rollout:
    return msgspec.json.decode(path.read_bytes(), type=Rollout)
