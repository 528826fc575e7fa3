"""The plain in-order runner: intent is recorded, the stage acts, its outcome is recorded; a refusal stops the line."""

import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlagent import adapters
from mlagent.config.redact import Redactor
from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.core.context import Context, Outputs
from mlagent.core.files import write_whole
from mlagent.core.stage import Stage
from mlagent.engine import record as records
from mlagent.engine.child import LocalChildren
from mlagent.engine.log import EngineLog
from mlagent.engine.record import RunRecord, StageRecord, State
from mlagent.engine.workspace import Workspace
from mlagent.errors import Bug, GateRefused, Inconclusive, InputError, Interrupted

_STATES: dict[type[BaseException], State] = {
    GateRefused: "refused",
    Inconclusive: "inconclusive",
    Interrupted: "stopped",
}


class Runner:
    """Runs stages of one run; the only writer of its record."""

    def __init__(self, workspace: Workspace, run: RunRecord, stages: Sequence[Stage], log: EngineLog) -> None:
        """`stages` is the whole chain in its order; the run's folder is made when it is not there."""
        self.workspace, self.run, self.stages, self.log = workspace, run, stages, log
        self.folder = workspace.run_folder(run.run_id)
        self.redactor = Redactor(workspace.settings.secrets())

    def run_all(self) -> None:
        """Run every stage in order; the first that does not pass raises and ends it."""
        for stage in self.stages:
            self.run_one(stage)

    def run_one(self, stage: Stage) -> None:
        """Run one stage and record it; raises what the stage raised, or its verdict's refusal.

        What later stages had made from its earlier outputs no longer counts.
        """
        inputs = {name: self._input(stage, name) for name in stage.reads}
        for later in self.stages[self.stages.index(stage) :]:
            self.run.stages.pop(later.name, None)
        attempt = self.run.attempt
        config = self.workspace.settings.plain(stage.name)
        entry = StageRecord(state="running", attempt=attempt, config=config, started=_now())
        self.run.stages[stage.name] = entry
        self._save()
        log = self.log.bind(run=self.run.run_id, stage=stage.name, attempt=attempt)
        log.info(stage.title)
        clock = time.monotonic()
        try:
            self._act(stage, inputs, entry, log)
        except BaseException as error:
            entry.state = _STATES.get(type(error), "failed")
            entry.summary = entry.summary or str(error)
            raise
        finally:
            entry.ended, entry.seconds = _now(), round(time.monotonic() - clock, 3)
            self._save()
        log.info(entry.summary, seconds=round(entry.seconds, 1))

    def _act(self, stage: Stage, inputs: Mapping[str, Path], entry: StageRecord, log: EngineLog) -> None:
        work, final = self.folder / f".{stage.name}", self.folder / stage.name
        for stale in (work, final):
            shutil.rmtree(stale, ignore_errors=True)
        work.mkdir()
        config = self.workspace.settings.sections[stage.name]
        try:
            outputs = stage.run(config, inputs, self._context(stage, work, inputs, log))
            entry.outputs = self._collect(stage, work)
        finally:
            work.rename(final)
        self._judge(outputs, entry, final)

    def _judge(self, outputs: Outputs, entry: StageRecord, folder: Path) -> None:
        entry.summary, entry.verdicts = outputs.summary, outputs.verdicts
        for verdict in outputs.verdicts:
            write_whole(folder / f"verdict-{verdict.subject}.json", digest.canonical_json(verdict))
        for verdict in outputs.verdicts:
            verdict.raise_unless_pass(outputs.hint)
        entry.state = "done"

    def _collect(self, stage: Stage, work: Path) -> dict[str, Stored]:
        stored = {}
        for artifact in stage.writes:
            path = work / artifact.file
            if not path.is_file():
                raise Bug(f"{stage.name} did not write {artifact.file}", hint="please report this")
            stored[artifact.name] = Stored(f"{stage.name}/{artifact.file}", digest.of_file(path), path.stat().st_size)
        return stored

    def _input(self, stage: Stage, name: str) -> Path:
        for entry in self.run.stages.values():
            if entry.state == "done" and name in entry.outputs:
                stored = entry.outputs[name]
                path = self.folder / stored.path
                if not path.is_file() or digest.of_file(path) != stored.digest:
                    raise InputError(f"{path} is not what the run recorded", hint="run again with `mlagent run`")
                return path
        raise InputError(
            f"{stage.name} reads {name!r}, which run {self.run.run_id} has not made",
            hint="`mlagent run` makes everything in order",
        )

    def _context(self, stage: Stage, work: Path, inputs: Mapping[str, Path], log: EngineLog) -> Context:
        settings = self.workspace.settings
        recorded = {name: one.digest for entry in self.run.stages.values() for name, one in entry.outputs.items()}
        children = LocalChildren(self.workspace.project, settings.secrets(), log)
        return Context(
            project=self.workspace.project,
            work=work,
            run_id=self.run.run_id,
            sections={name: settings.sections[name] for name in stage.sections},
            digests={name: recorded[name] for name in inputs},
            worker=children,
            tools=children,
            tracker=adapters.tracker(settings.sections["tracking"], self.workspace.home / "mlflow"),
            log=log,
        )

    def _save(self) -> None:
        records.save(self.run, self.folder, self.redactor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
