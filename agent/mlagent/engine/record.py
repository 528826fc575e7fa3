"""The run's record, `run.json`: typed, versioned, written whole, before and after every step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from mlagent.config.redact import Redactor
from mlagent.core.artifact import Stored
from mlagent.core.files import write_whole
from mlagent.core.verdict import Verdict
from mlagent.errors import InputError

SCHEMA = 1
FILE = "run.json"

State = Literal["running", "done", "refused", "inconclusive", "failed", "stopped"]


class StageRecord(msgspec.Struct, kw_only=True):
    """How a stage ended in the run's attempt of that number; times are RFC 3339 in UTC."""

    state: State
    attempt: int
    config: Mapping[str, Any]
    started: str
    ended: str | None = None
    seconds: float | None = None
    summary: str = ""
    outputs: dict[str, Stored] = {}
    verdicts: tuple[Verdict, ...] = ()


class RunRecord(msgspec.Struct, kw_only=True):
    """Everything a later command, or a person, may ask about a run; secrets only as the names of their references."""

    schema_version: int = SCHEMA
    mlagent: str
    run_id: str
    attempt: int
    project: str
    source: str
    data: str
    config: Mapping[str, Any]
    config_sources: Mapping[str, str]
    stages: dict[str, StageRecord] = {}


def save(record: RunRecord, folder: Path, redactor: Redactor) -> None:
    """Write the record into the run's folder, whole, with secrets masked."""
    masked = redactor.deep(msgspec.to_builtins(record))
    write_whole(folder / FILE, msgspec.json.format(msgspec.json.encode(masked)) + b"\n")


def load(folder: Path) -> RunRecord:
    """Read a record; InputError (4) when it is absent, damaged, or of a newer mlagent."""
    path = folder / FILE
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version > SCHEMA:
            raise InputError(
                f"{path} was written by a newer mlagent (schema {version}; this one knows {SCHEMA})",
                hint="use that mlagent, or start a new run",
            )
        return msgspec.json.decode(data, type=RunRecord)
    except FileNotFoundError as error:
        raise InputError(f"there is no run in {folder}", hint="start one with `mlagent run`") from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path} is damaged: {error}", hint="delete the run's folder and run again") from error


class _Version(msgspec.Struct):
    schema_version: int
