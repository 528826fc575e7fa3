"""Runs a plan: intent is recorded, the stage acts, its outcome is recorded; a refusal stops the line."""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlagent.config.redact import Redactor
from mlagent.core import digest, interrupt
from mlagent.core.artifact import ABSENT, Stored
from mlagent.core.context import Context, Outputs
from mlagent.core.ports.store import CorruptBlob, MissingBlob
from mlagent.core.stage import Stage
from mlagent.engine import absent, folders, hooks, judged, plan, results, surroundings
from mlagent.engine.chronicle import Chronicle
from mlagent.engine.clock import now
from mlagent.engine.keys import Given
from mlagent.engine.lease import Lease
from mlagent.engine.log import EngineLog
from mlagent.engine.plan import Step
from mlagent.engine.record import StageRecord, State, parts_by_stage
from mlagent.engine.workspace import Workspace
from mlagent.errors import InputError, MlagentError, RolledBack

BACKOFF_SECONDS = 1.0


class _LostError(Exception):
    """A blob that a result promised cannot be read; the stage that makes it must run again."""

    def __init__(self, maker: Stage) -> None:
        super().__init__(maker.name)
        self.maker = maker


class Runner:
    """Runs stages of one run; the only writer of its record while it holds the lease."""

    def __init__(self, workspace: Workspace, given: Given, lease: Lease, log: EngineLog) -> None:
        """Begin the next attempt of the run that `given` names; the record is written with the first stage."""
        self.workspace, self.given, self.lease, self.log = workspace, given, lease, log
        before = workspace.newest_record()
        self.run, self._version = workspace.begin(given, lease)
        self._earlier = {**parts_by_stage(before), **parts_by_stage(self.run)}
        self.folder = workspace.run_folder(self.run.run_id)
        self.redactor = Redactor(workspace.settings.secrets())
        self._ledger = Chronicle(workspace, given, self.run, lease, log, self.redactor)
        self._done: dict[str, Stored] = {}
        self._passed: set[str] = set()
        self._makers = {artifact.name: stage for stage in workspace.stages for artifact in stage.writes}

    def run_all(self, start: Stage | None = None, until: Stage | None = None) -> None:
        """Run from `start` until `until` (both included); what stands before `start` must be there to be reused."""
        chain = self.workspace.stages
        last = chain.index(until) if until else len(chain) - 1
        first = chain.index(start) if start else 0
        self._ledger.tell()  # what an earlier attempt could not
        for position, stage in enumerate(chain[: last + 1]):
            try:
                self.advance(stage, only_reuse=position < first, needed=self._needed(chain[first : last + 1]))
            except Exception as error:
                with suppress(MlagentError, OSError):  # what stopped it matters more
                    if self._ledger.stopped(stage, error, self._done):
                        self._close()
                raise
        self._ledger.through(chain[last + 1 :], self._passed, self._done)
        self._close()

    def _close(self) -> None:
        """Record how it ended, tell the ledger, and record that it was told."""
        self._save()
        if self._ledger.tell(again=True):
            self._save()

    def given_to(self, stage: Stage, work: Path) -> tuple[Mapping[str, Path], Context]:
        """What the stage would be given now, to look at: nothing is run or recorded; what it reads must be there."""
        for one in self.workspace.stages[: self.workspace.stages.index(stage)]:
            self.advance(one, only_reuse=True, needed=self._needed([stage]))
        inputs = self._inputs(stage)
        notes = surroundings.Notes(lambda _: None, dict)
        return inputs, self._context(stage, inputs, self._log(stage), work, work, notes)

    def advance(self, stage: Stage, *, only_reuse: bool = False, needed: frozenset[str] = frozenset()) -> None:
        """Reuse or run one stage; raises what it raised, or its verdict's refusal."""
        for _ in self.workspace.stages:
            interrupt.check()
            step = self._step(stage, told=only_reuse)
            if step.state in ("skip", "off"):
                self._skip(stage, step, said=not only_reuse)
                break
            try:
                if only_reuse and step.state != "reuse":
                    if stage.name in needed:
                        raise absent.not_there(stage, step, self.given)
                    return
                self._adopt(stage, step) if step.result else self._execute(stage, step)
            except _LostError as lost:
                self.advance(lost.maker)
            else:
                break
        self._passed.add(stage.name)

    def _needed(self, chosen: Sequence[Stage]) -> frozenset[str]:
        """Names of the stages whose outputs the chosen ones need, directly or through others."""
        names: set[str] = set()
        open_ = [name for stage in chosen for name in stage.reads]
        while open_:
            maker = self._makers[open_.pop()]
            if maker.name not in names:
                names.add(maker.name)
                open_ += maker.reads
        return frozenset(names)

    def _step(self, stage: Stage, *, told: bool = False) -> Step:
        known = plan.Known(
            find=lambda name, key: results.find(self.workspace.store, name, key),
            entries=self.run.stages,
            earlier=self._earlier,
            now=now(),
            told=told,
        )
        return plan.step_of(stage, self.given, known, {name: one.digest for name, one in self._done.items()})

    def _skip(self, stage: Stage, step: Step, *, said: bool) -> None:
        """Record that the team leaves it out, or that it has nothing to do, and why."""
        if said:
            self._log(stage).stage(stage.name, step.state, step.reason)
        state: State = "off" if step.state == "off" else "skipped"
        entry = StageRecord(state=state, attempt=self.run.attempt, key=None, parts={}, started=now(), ended=now())
        entry.summary = step.reason
        self.run.stages[stage.name] = entry
        self._done |= results.known(stage, {})
        if state == "skipped":
            self._ledger.skipped(stage, step.reason, self._done)

    def _adopt(self, stage: Stage, step: Step) -> None:
        """Take a kept result as this run's own; a kept no is a no again."""
        result = step.result
        if result is None:
            return
        if step.key and stage.effect == "compute":
            self.run.results.add(results.name_of(stage.name, step.key))
        self._done |= results.known(stage, result.outputs)
        self.log.stage(stage.name, "reuse", step.reason)
        mine = self.run.stages.get(stage.name)
        if mine is None or mine.key != step.key or mine.state not in ("done", "refused"):
            mine = results.adopted(result, step.key, step.parts, self.run.attempt)
            self.run.stages[stage.name] = mine
            self._ledger.ended(stage, mine, self._done)
        for verdict in result.verdicts:
            verdict.raise_unless_pass(result.hint)
        self._ledger.passed(stage, mine, self._done)

    def _execute(self, stage: Stage, step: Step) -> None:
        for again in range(stage.retries + 1):
            try:
                return self._attempt(stage, step)
            except MlagentError as error:
                if not error.retryable or again == stage.retries:
                    raise
                wait = BACKOFF_SECONDS * 4**again
                self.log.warning(f"{stage.name}: {error.message}; again in {wait:g} s")
                time.sleep(wait)
        return None

    def _attempt(self, stage: Stage, step: Step) -> None:
        inputs = self._inputs(stage)
        before = self.run.stages.get(stage.name)
        entry = StageRecord(state="running", attempt=self.run.attempt, key=step.key, parts=step.parts, started=now())
        entry.notes = before.notes if before else {}
        self.run.stages[stage.name] = entry
        self._ledger.begins(stage, self._done)
        self._save()
        log = self._log(stage)
        log.stage(stage.name, step.state, f"{stage.title} ({step.reason})")
        clock = time.monotonic()
        try:
            self._ledger.ready(stage)
            self._act(stage, step, inputs, entry, log)
        except BaseException as error:
            entry.state = judged.state_of(error)
            entry.summary = entry.summary or str(error)
            entry.hint = entry.hint or getattr(error, "hint", "")
            raise
        finally:
            entry.ended, entry.seconds = now(), round(time.monotonic() - clock, 3)
            self._save()
            log.stage(stage.name, entry.state, entry.summary, round(entry.seconds, 1))
            if entry.state != "stopped":
                self._ledger.tell()

    def _act(self, stage: Stage, step: Step, inputs: Mapping[str, Path], entry: StageRecord, log: EngineLog) -> None:
        work, final = self.folder / f".{stage.name}", self.folder / stage.name
        for stale in (work, final):
            shutil.rmtree(stale, ignore_errors=True)
        work.mkdir(parents=True)
        kept = folders.kept(self.folder, stage.name, step.key)
        config = self.workspace.settings.sections[stage.settings]
        try:
            context = self._context(stage, inputs, log, work, kept, self._notes(entry))
            scripts = hooks.of(self.workspace.settings, stage.name)
            minutes = hooks.minutes(self.workspace.settings, stage)
            hooks.run("before", scripts, stage, minutes, context)
            outputs = stage.run(config, inputs, context)
            hooks.run("after", scripts, stage, minutes, context)
            entry.outputs = results.collect(self.workspace.store, stage, work) | self.workspace.blobs.keep(
                outputs.blobs
            )
        finally:
            work.rename(final)
            if not any(kept.glob("*")):
                shutil.rmtree(kept.parent, ignore_errors=True)
        shutil.rmtree(kept.parent, ignore_errors=True)
        step = step.settled(outputs.facts)
        entry.key, entry.parts = step.key, step.parts
        self._judge(stage, step, outputs, entry, final)

    def _inputs(self, stage: Stage) -> dict[str, Path]:
        return {name: self._input(name) for name in stage.reads if self._done[name] != ABSENT}

    def _context(
        self,
        stage: Stage,
        inputs: Mapping[str, Path],
        log: EngineLog,
        work: Path,
        kept: Path,
        notes: surroundings.Notes,
    ) -> Context:
        digests = {one: self._done[one].digest for one in inputs}
        world = (self.workspace, self.given, self.run, stage, log)
        return surroundings.of(*world, work=work, kept=kept, digests=digests, notes=notes)

    def _notes(self, entry: StageRecord) -> surroundings.Notes:
        def remember(notes: Mapping[str, Any]) -> None:
            entry.notes = dict(notes)
            self._save()

        return surroundings.Notes(remember, lambda: entry.notes)

    def _judge(self, stage: Stage, step: Step, outputs: Outputs, entry: StageRecord, folder: Path) -> None:
        """Write verdicts, keep what is deterministic, then let a no be a no."""
        entry.summary, entry.hint, entry.verdicts = outputs.summary, outputs.hint, outputs.verdicts
        for verdict in outputs.verdicts:
            judged.write(folder, stage.name, verdict, self.redactor)
        outcomes = {verdict.outcome for verdict in outputs.verdicts}
        self._must_be_unchanged(stage)
        if stage.effect == "compute" and step.key and outcomes <= {"pass", "fail"}:
            kept = judged.keep(self.workspace.store, stage.name, step, results.of_entry(entry, self.run.run_id))
            self.run.results |= kept
        self._ledger.ended(stage, entry, self._done)
        if outputs.undone:
            raise RolledBack(outputs.undone, hint=outputs.hint)
        for verdict in outputs.verdicts:
            verdict.raise_unless_pass(outputs.hint)
        entry.state = "done"
        self._done |= results.known(stage, entry.outputs)
        self._ledger.passed(stage, entry, self._done)

    def _must_be_unchanged(self, stage: Stage) -> None:
        """What a stage read must be what its key says: else its result would be found under a wrong name for ever."""
        moved = self.workspace.moved_since(self.given, stage)
        if moved:
            raise InputError(
                f"{moved} changed while {stage.name} ran: what it made is not kept",
                hint="give the same command again; build from a workspace that nothing else writes to",
            )

    def _input(self, name: str) -> Path:
        """The file of an input on this machine, verified; fetched from the store where it is not here."""
        stored, maker = self._done[name], self._makers[name]
        path = self.folder / maker.name / stored.path
        if path.is_file() and digest.of_file(path) == stored.digest:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.workspace.store.get(stored.digest, path)
        except (CorruptBlob, MissingBlob) as error:
            self.log.warning(f"{error.message}; {maker.name} makes it anew")
            if key := self.run.stages[maker.name].key:
                results.forget(self.workspace.store, maker.name, key)
            raise _LostError(maker) from error
        return path

    def _log(self, stage: Stage) -> EngineLog:
        return self.log.bind(run=self.run.run_id, stage=stage.name, attempt=self.run.attempt)

    def _save(self) -> None:
        self.lease.check()
        self._version = self.workspace.records.save(self.run, self._version, self.redactor)
