"""The run's record: typed, versioned, one writer, written whole before and after every step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlagent.config.redact import Redactor
from mlagent.core.artifact import Stored
from mlagent.core.files import write_whole
from mlagent.core.ports.ledger import Fact
from mlagent.core.ports.store import Store
from mlagent.core.verdict import Verdict
from mlagent.errors import Held, InputError

SCHEMA = 1
FILE = "run.json"

State = Literal[
    "running", "done", "skipped", "off", "refused", "inconclusive", "invalid", "held", "undone", "failed", "stopped"
]


class StageRecord(msgspec.Struct, kw_only=True):
    """How a stage ended in the attempt of that number; times are RFC 3339 in UTC.

    `key` and `parts` say what the result depends on; `reused_from` names the run that made it, if it was not this one.
    `notes` are the stage's own, of what it does in the world step by step.
    The summary of a skipped one is the team's reason; one that is off has nothing to do by the configuration.
    """

    state: State
    attempt: int
    key: str | None
    parts: Mapping[str, str]
    started: str
    ended: str | None = None
    seconds: float | None = None
    summary: str = ""
    hint: str = ""
    outputs: dict[str, Stored] = {}
    verdicts: tuple[Verdict, ...] = ()
    reused_from: str | None = None
    notes: Mapping[str, Any] = {}


class RunRecord(msgspec.Struct, kw_only=True):
    """Everything a later command, or a person, may ask about a run; secrets only as the names of their references.

    `results` names every result that the run made or used. `build` is its place in the order of all runs of the store:
    an environment never goes back to a lower one by a run; 0 until the ledger has given one. `reason` is why Jenkins
    was asked for it, where it was. `untold` is what the ledger has yet to be told, `told` names what it was; `ended`
    says to which end the run came last.
    """

    schema_version: int = SCHEMA
    mlagent: str
    run_id: str
    attempt: int
    build: int
    project: str
    begun: str
    commit: str | None
    dirty: bool | None
    reason: str = ""
    facts: Mapping[str, str]
    config: Mapping[str, Any]
    config_sources: Mapping[str, str]
    force: Mapping[str, str] = {}
    fence: int = 0
    results: set[str] = set()
    untold: list[Fact] = []
    told: set[str] = set()
    ended: str = ""
    stages: dict[str, StageRecord] = {}


def decode(data: bytes, where: str) -> RunRecord:
    """Read a record; InputError (4) when it is damaged, or of a newer mlagent."""
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version > SCHEMA:
            raise InputError(
                f"{where} was written by a newer mlagent (schema {version}; this one knows {SCHEMA})",
                hint="use that mlagent, or start a new run",
            )
        return msgspec.json.decode(data, type=RunRecord)
    except ValueError as error:
        raise InputError(
            f"{where} is damaged: {error}", hint="delete it and run again: results are kept apart"
        ) from error


class Records:
    """Where records are kept: in the store, and beside the run's files for people to look at."""

    def __init__(self, store: Store, folder: Path) -> None:
        """`folder` holds a folder a run."""
        self._store, self._folder = store, folder

    def load(self, run_id: str) -> tuple[RunRecord, str] | None:
        """The record and its version; None when there is none."""
        named = self._store.read(_name(run_id))
        where = f"the record of run {run_id} (named/{_name(run_id)} in the store)"
        return (decode(named.data, where), named.version) if named else None

    def ids(self) -> list[str]:
        """Ids of all runs."""
        return [name.partition("/")[2] for name in self._store.names("runs/")]

    def save(self, record: RunRecord, version: str | None, redactor: Redactor) -> str:
        """Write over the version that this writer wrote last; Held (21) when somebody else has written since."""
        data = msgspec.json.format(msgspec.json.encode(masked(record, redactor))) + b"\n"
        swapped = self._store.swap(_name(record.run_id), data, version)
        written = self._store.read(_name(record.run_id))
        if not swapped or written is None or written.data != data:
            raise Held(
                f"run {record.run_id} was taken over by another runner: this one (fence {record.fence}) stops",
                hint="it was paused or cut off for longer than the lease; the other one goes on with the run",
            )
        folder = self._folder / record.run_id
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE, data)
        return written.version


def masked(record: RunRecord, redactor: Redactor) -> object:
    """The record with secrets taken out of what people and programs wrote into it, and out of nothing else."""
    plain = msgspec.to_builtins(record)
    for entry in plain["stages"].values():
        entry |= {key: redactor.text(entry[key]) for key in ("summary", "hint")}
        entry["verdicts"] = [
            {**verdict, "checks": [{**one, "reason": redactor.text(one["reason"])} for one in verdict["checks"]]}
            for verdict in entry["verdicts"]
        ]
    listed = {"results": sorted(record.results), "told": sorted(record.told)}
    return {**plain, **listed, "config": redactor.deep(plain["config"])}


def _name(run_id: str) -> str:
    return f"runs/{run_id}"


class _Version(msgspec.Struct):
    schema_version: int


def parts_by_stage(run: RunRecord | None) -> dict[str, Mapping[str, str]]:
    """What each stage's key was made of in a run, so that a plan can say what changed since."""
    return {name: entry.parts for name, entry in run.stages.items() if entry.parts} if run else {}
