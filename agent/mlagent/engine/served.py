"""Which files of a run are served, and what the gate said of them."""

from pathlib import Path
from typing import Literal

import msgspec

from mlagent.core import digest
from mlagent.core.artifact import Stored
from mlagent.data.schema import Kind
from mlagent.data.signature import Column, Signature
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import InputError

Judged = Literal["passed", "failed", "not judged"]
WORDS: dict[str, Judged] = {"done": "passed", "refused": "failed"}
EXAMPLES: dict[Kind, object] = {
    "integer": 1,
    "number": 0.5,
    "text": "a text",
    "boolean": True,
    "date": "2025-03-01",
    "datetime": "2025-03-01T12:30:00",
}


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A run's model on this machine, verified; `judged` is the gate's word on this very file."""

    run_id: str
    name: str
    model: Path
    signature: Path
    judged: Judged


def find(workspace: Workspace, run_id: str | None = None) -> Served:
    """What a run (None: the one begun last) exported; InputError (4) when it has no model yet."""
    run = workspace.named(run_id)
    made = run.stages.get("export")
    if made is None or made.state != "done":
        raise _nothing(run, f"did not export: {made.state}" if made else "has no exported model yet")
    if "signature" not in made.outputs:
        raise _nothing(run, "was made by an older mlagent, which wrote no signature")
    model, signature = (_placed(workspace, run.run_id, made.outputs[name]) for name in ("onnx", "signature"))
    return Served(run_id=run.run_id, name=run.project, model=model, signature=signature, judged=_judged(run))


def example(signature: Path) -> dict[str, object]:
    """A row that the model takes, made from the columns' types alone: no value of the team's rows is in it."""
    columns = msgspec.json.decode(signature.read_bytes(), type=Signature).columns
    return {one.name: _example(one) for one in columns}


def _example(column: Column) -> object:
    return EXAMPLES.get(column.type, [0.5] * (column.length or 0))


def _nothing(run: RunRecord, why: str) -> InputError:
    hint = "`mlagent run --until export` makes one; `mlagent show` says how far the run came"
    return InputError(f"run {run.run_id} {why}", hint=hint)


def _placed(workspace: Workspace, run_id: str, stored: Stored) -> Path:
    """The file in the run's folder; fetched from the store where it is not there, or not what it was."""
    path = workspace.run_folder(run_id) / "export" / stored.path
    if not path.is_file() or digest.of_file(path) != stored.digest:
        path.parent.mkdir(parents=True, exist_ok=True)
        workspace.store.get(stored.digest, path)
    return path


def _judged(run: RunRecord) -> Judged:
    """Follow the digests from the model to the gate: a verdict on another file is none on this."""
    measured, gate = run.stages.get("evaluate"), run.stages.get("gate")
    if measured is None or gate is None:
        return "not judged"
    model, found = run.stages["export"].outputs["onnx"].digest, measured.outputs.get("evaluation")
    if measured.parts.get("input onnx") != model or not found or gate.parts.get("input evaluation") != found.digest:
        return "not judged"
    return WORDS.get(gate.state, "not judged")
