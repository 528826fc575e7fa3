"""What a running stage is given of this machine and of the world."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlagent import adapters
from mlagent.adapters.local.approvals import LocalApprovals
from mlagent.core.context import Context
from mlagent.core.ports.store import CorruptBlob, MissingBlob
from mlagent.core.stage import Stage
from mlagent.engine import commits, environment, hooks, origin, skips, world
from mlagent.engine.child import LocalChildren
from mlagent.engine.keys import Given
from mlagent.engine.log import EngineLog
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import InputError


class Notes(NamedTuple):
    """What a stage writes down of itself while it acts."""

    remember: Callable[[Mapping[str, Any]], None]
    recall: Callable[[], Mapping[str, Any]]


def of(
    workspace: Workspace,
    given: Given,
    run: RunRecord,
    stage: Stage,
    log: EngineLog,
    *,
    work: Path,
    kept: Path,
    digests: Mapping[str, str],
    notes: Notes,
) -> Context:
    """The context of one attempt of one stage; `digests` are its inputs'."""
    settings = workspace.settings
    tools = LocalChildren(workspace.project, settings.secrets(), log)
    calls_team = stage.calls_team(given.config[stage.settings]) or hooks.of(settings, stage.name)
    python = _worker_python(workspace, tools, log) if calls_team else sys.executable
    return Context(
        project=workspace.project,
        work=work,
        kept=kept,
        run_id=run.run_id,
        data=workspace.dataset.files() if "data" in stage.facts else (),
        sections={name: settings.sections[name] for name in (*stage.sections, *stage.uses)},
        digests=digests,
        facts={name: given.facts[name] for name in stage.facts},
        references={name: path for name in stage.facts for path in _reference(workspace, given, run, name)},
        worker=LocalChildren(workspace.project, settings.secrets(), log, python),
        tools=tools,
        tracker=adapters.tracker(settings.sections["tracking"], workspace.home / "mlflow"),
        registry=workspace.registry,
        ledger=workspace.ledger,
        blobs=workspace.blobs,
        asked=workspace.asked,
        labels=_labels(run),
        done=origin.done(run, [one.name for one in workspace.stages[: workspace.stages.index(stage)]]),
        origin=lambda: origin.of(workspace.project, given, run),
        remember=notes.remember,
        recall=notes.recall,
        log=log,
        approvals=LocalApprovals(workspace.store),
        authors=lambda since: commits.authors(workspace.project, since),
        answer=_answer(),
    )


def _answer() -> dict[str, str]:
    """What the courier says that people answered, where it says so."""
    named = {"outcome": "MLPIPELINE_ANSWER", "by": "MLPIPELINE_ANSWERED_BY", "comment": "MLPIPELINE_COMMENT"}
    named |= {"to": "MLPIPELINE_ANSWER_TO"}
    found = {key: os.environ.get(name, "") for key, name in named.items()}
    return found if found["outcome"] else {}


def _labels(run: RunRecord) -> dict[str, str]:
    """What this build is: number, commit, the pull request that Jenkins builds (CHANGE_ID), what is skipped."""
    found = {
        "build": str(run.build or ""),
        "commit": run.commit,
        "pull_request": os.environ.get("CHANGE_ID"),
        "skipped": ", ".join(skips.of(run.facts)),
    }
    return {name: value for name, value in found.items() if value}


def _worker_python(workspace: Workspace, tools: LocalChildren, log: EngineLog) -> str:
    wheelhouse = workspace.settings.sections["worker"].wheelhouse
    return str(environment.prepare(workspace.project, workspace.environments, tools, log, wheelhouse))


def _reference(workspace: Workspace, given: Given, run: RunRecord, fact: str) -> list[Path]:
    """The file that stands for a fact, where there is one."""
    folder, wanted = workspace.run_folder(run.run_id), given.facts[fact]
    if fact in (world.WAIVERS, world.POLICY):
        found = (world.waivers if fact == world.WAIVERS else world.policy)(workspace.settings)
        return [found] if found else []
    if fact == world.ACCEPTED:  # the profile of the data accepted last
        return _accepted(workspace, given, run, wanted)
    if fact == world.PRODUCTION and wanted.startswith("sha256:"):  # as it was when the run began
        version = next((one for one in workspace.registry.versions(run.project) if one.digest == wanted), None)
        if version is None:
            return []
        path = folder / "production.onnx"
        workspace.registry.fetch(version, path)
        return [path]
    return []


def _accepted(workspace: Workspace, given: Given, run: RunRecord, wanted: str) -> list[Path]:
    """The profile of the rows that were accepted last."""
    found = workspace.accepted(given.facts["data"])
    if found is None or found.profile.digest != wanted:
        return []
    path = workspace.run_folder(run.run_id) / f"accepted-{found.profile.path}"
    try:
        workspace.store.get(found.profile.digest, path)
    except (CorruptBlob, MissingBlob) as error:
        name = f"named/accepted/{run.project}"
        raise InputError(
            f"the profile of the rows accepted last (run {found.run}) is lost: {error.message}",
            hint=f"run on those rows again, or delete {name} in the store: no rows are compared with others then",
        ) from error
    return [path]
