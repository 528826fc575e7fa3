"""A run as a Markdown page, from its record and its evaluation."""

from contextlib import suppress
from pathlib import Path

import msgspec

from mlagent.config.redact import Redactor
from mlagent.core.files import write_whole
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import MlagentError
from mlagent.report import markdown

FILE = "summary.md"


def text(workspace: Workspace, run: RunRecord) -> str:
    """The page, without secrets."""
    entries = [(stage.name, run.stages[stage.name]) for stage in workspace.stages if stage.name in run.stages]
    facts = [("run", run.run_id), ("build", str(run.build or "none yet")), ("data", run.facts.get("data", "")[:19])]
    facts += [("commit", f"{run.commit}{' with uncommitted changes' if run.dirty else ''}")] if run.commit else []
    page = markdown.page(
        f"{run.project}: {_end(run)}",
        facts,
        [(name, entry.state, entry.summary) for name, entry in entries],
        [(name, verdict) for name, entry in entries for verdict in entry.verdicts],
        _evaluation(workspace, run),
    )
    return Redactor(workspace.settings.secrets()).text(page)


def write(workspace: Workspace, run: RunRecord) -> Path:
    """Keep the page in the run's folder."""
    path = workspace.run_folder(run.run_id) / FILE
    write_whole(path, text(workspace, run).encode())
    return path


def _end(run: RunRecord) -> str:
    bad = [f"{name} {entry.state}" for name, entry in run.stages.items() if entry.state not in ("done", "off")]
    done = sum(entry.state == "done" for entry in run.stages.values())
    return ", ".join(bad) or f"{done} stages done"


def _evaluation(workspace: Workspace, run: RunRecord) -> markdown.Evaluation | None:
    entry = run.stages.get("evaluate")
    stored = entry.outputs.get("evaluation") if entry else None
    if stored is None:
        return None
    path = workspace.run_folder(run.run_id) / "evaluate" / stored.path
    with suppress(MlagentError, msgspec.MsgspecError, OSError):  # a page without figures still says how it ended
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            workspace.store.get(stored.digest, path)
        return msgspec.json.decode(path.read_bytes(), type=markdown.Evaluation)
    return None
