"""What stages gave, kept in the store by key: found again by any run, on any node, whose key is the same."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlagent.core import digest
from mlagent.core.artifact import ABSENT, Stored
from mlagent.core.ports.store import Store
from mlagent.core.stage import Stage
from mlagent.core.verdict import Outcome, Verdict
from mlagent.engine.clock import now
from mlagent.engine.record import StageRecord
from mlagent.errors import Bug, InputError

SCHEMA = 1
BLOB = "blob "  # pieces of images stand among the outputs by digest


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A success or a deterministic refusal (`outcome` fail); nothing else is kept, and nothing else is reused."""

    schema_version: int = SCHEMA
    outcome: Outcome
    summary: str
    hint: str
    outputs: Mapping[str, Stored]
    verdicts: tuple[Verdict, ...]
    made_by: str

    @property
    def valid_until(self) -> str | None:
        """The earliest end of its verdicts, None when all hold for ever."""
        return min((one.valid_until for one in self.verdicts if one.valid_until), default=None)


def of_entry(entry: StageRecord, run_id: str) -> Result:
    """What a stage's record says as a result."""
    failed = any(verdict.outcome == "fail" for verdict in entry.verdicts)
    return Result(
        outcome="fail" if failed else "pass",
        summary=entry.summary,
        hint=entry.hint,
        outputs=entry.outputs,
        verdicts=entry.verdicts,
        made_by=entry.reused_from or run_id,
    )


def adopted(result: Result, key: str | None, parts: Mapping[str, str], attempt: int) -> StageRecord:
    """What the record of a run says of a stage whose result was there already."""
    return StageRecord(
        state="done" if result.outcome == "pass" else "refused",
        attempt=attempt,
        key=key,
        parts=parts,
        started=now(),
        ended=now(),
        seconds=0.0,
        summary=result.summary,
        hint=result.hint,
        outputs=dict(result.outputs),
        verdicts=result.verdicts,
        reused_from=result.made_by,
    )


def known(stage: Stage, outputs: Mapping[str, Stored]) -> dict[str, Stored]:
    """What a stage made, and ABSENT for the optional artifacts that it left out."""
    return {one.name: ABSENT for one in stage.writes if one.optional} | dict(outputs)


def collect(store: Store, stage: Stage, folder: Path) -> dict[str, Stored]:
    """Put all that a stage wrote into the store; Bug (70) where something that it must write is not there."""
    stored = {}
    for artifact in stage.writes:
        path = folder / artifact.file
        if artifact.optional and not path.is_file():
            continue
        if not path.is_file():
            raise Bug(f"{stage.name} did not write {artifact.file}", hint="please report this")
        found = Stored(artifact.file, digest.of_file(path), path.stat().st_size)
        store.put(path, found.digest)
        stored[artifact.name] = found
    return stored


def name_of(stage: str, key: str) -> str:
    """Where the result of a key is kept."""
    return f"results/{stage}/{key.partition(':')[2]}"


def read(store: Store, name: str) -> Result | None:
    """A result by its name, if it is readable and of this schema."""
    named = store.read(name)
    if named is None:
        return None
    try:
        result = msgspec.json.decode(named.data, type=Result)
    except ValueError:
        return None
    return result if result.schema_version == SCHEMA else None


def find(store: Store, stage: Stage, key: str) -> Result | None:
    """The result of a key, if it is kept and readable, and all that the stage writes is there in its size."""
    result = read(store, name_of(stage.name, key))
    if result is None or not _complete(result, stage):
        return None
    try:
        whole = all(store.size(one.digest) == one.size for one in result.outputs.values())
    except InputError:  # what stands there is no digest
        return None
    return result if whole else None


def keep(store: Store, stage: str, key: str, result: Result) -> None:
    """Keep a result whose blobs are already in the store."""
    store.write(name_of(stage, key), msgspec.json.encode(result))


def forget(store: Store, stage: str, key: str) -> None:
    """Forget a result whose blob was lost."""
    store.remove(name_of(stage, key))


def _complete(result: Result, stage: Stage) -> bool:
    """Whether it has all that the stage declares today, and nothing else."""
    names, needed = ({one.name for one in stage.writes if every or not one.optional} for every in (True, False))
    made = {name for name in result.outputs if not name.startswith(BLOB)}
    return needed <= made <= names
