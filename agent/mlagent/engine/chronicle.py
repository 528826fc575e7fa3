"""What of a run is told to the ledger, and when: as stages end, are left out or overridden, and as the run ends."""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from mlagent.config.redact import Redactor
from mlagent.core.artifact import Stored
from mlagent.core.stage import Stage
from mlagent.engine import facts, judged, skips
from mlagent.engine.keys import Given
from mlagent.engine.lease import Lease
from mlagent.engine.log import EngineLog
from mlagent.engine.record import RunRecord, StageRecord
from mlagent.engine.telling import Teller
from mlagent.engine.workspace import Workspace
from mlagent.errors import MlagentError


class _Profile(msgspec.Struct):
    rows: int


class Chronicle(Teller):
    """Notes what a runner does; of a stage only what is new, so that a run that reuses all tells nothing."""

    def __init__(
        self, workspace: Workspace, given: Given, run: RunRecord, lease: Lease, log: EngineLog, redactor: Redactor
    ) -> None:
        """Take the build's number, as the teller does."""
        super().__init__(workspace, run, lease, log, redactor)
        self._given = given

    def ended(self, stage: Stage, entry: StageRecord, made: Mapping[str, Stored]) -> None:
        """A stage was judged, or a result was taken over that the run had not; `made` are artifacts by name."""
        about = facts.release({**made, **entry.outputs}) or self._given.facts.get("data", "")
        if self.note(*facts.of_stage(self._run, stage, entry, about), made_by=entry.reused_from or ""):
            for verdict in entry.verdicts:  # of another run, it may not be there
                judged.put(self._workspace.store, verdict)

    def passed(self, stage: Stage, entry: StageRecord, made: Mapping[str, Stored]) -> None:
        """The stage passed: where it accepts data, they are what others are compared with from now on."""
        if stage.accepts not in made:
            return
        data, profile = self._given.facts["data"], made[stage.accepts]
        first = self._workspace.accept(data, profile, self._run.run_id)
        if entry.attempt == self._run.attempt:
            self.note(facts.accepted(self._run, data, profile.digest, self._rows(profile)), made_by=first.run)

    def skipped(self, stage: Stage, reason: str, made: Mapping[str, Stored]) -> None:
        """The team leaves the stage out."""
        self.note(facts.skipped(self._run, stage, reason, facts.release(made)))

    def begins(self, stage: Stage, made: Mapping[str, Stored]) -> None:
        """A stage that acts in an environment may be told to do more there than it does by itself."""
        asked = self._workspace.asked.intersection(stage.switches if stage.environment else ())
        self.note(*(facts.overrode(self._run, stage, one, facts.release(made)) for one in sorted(asked)))

    def through(self, rest: Sequence[Stage], passed: Collection[str], made: Mapping[str, Stored]) -> None:
        """All that was asked for went well: that is the run's end where all others did, or have nothing to do."""
        left_out = skips.of(self._given.facts)
        open_ = [one for one in self._workspace.stages if one.name not in passed]
        if any(one not in rest or not (one.name in left_out or one.off(self._given.config)) for one in open_):
            return
        about = facts.release(made)
        if self._run.ended != f"done {about}":
            self._run.ended = f"done {about}"
            self.note(facts.finished(self._run, "done", "", "", about))

    def stopped(self, stage: Stage, error: Exception, made: Mapping[str, Stored]) -> bool:
        """Whether the run came to an end here: by what is not worth a retry, and did not stand so already."""
        entry = self._run.stages.get(stage.name)
        again = isinstance(error, MlagentError) and error.retryable
        if entry is None or entry.attempt != self._run.attempt or entry.state not in facts.ENDS or again:
            return False
        category = error.category if isinstance(error, MlagentError) else MlagentError.category
        about = facts.release({**made, **entry.outputs})
        self._run.ended = f"{entry.state} {about}"
        self.note(facts.finished(self._run, entry.state, stage.name, category, about))
        return True

    def _rows(self, profile: Stored) -> int | None:
        """How many rows a profile is of, where it can be read."""
        with suppress(MlagentError, OSError, ValueError), tempfile.TemporaryDirectory() as folder:
            self._workspace.store.get(profile.digest, Path(folder) / "profile")
            return msgspec.json.decode((Path(folder) / "profile").read_bytes(), type=_Profile).rows
        return None
