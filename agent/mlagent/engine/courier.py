"""What the courier in Jenkins is told: it carries stages to nodes and decides nothing, so all it needs stands here.

`tell` goes with `mlagent plan --json`, before a stage runs; `said` with every command that ran one, after it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.config.load import Settings
from mlagent.core.stage import Node, Stage
from mlagent.engine import branch, hooks
from mlagent.engine.plan import Step
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import Held, MlagentError

SCHEMA = 1
FOR_ALL = "load-test"  # what comes after it is for the branches of deploy.branches
BY_ALL = ("data", "tracking", "store")  # a plan asks them, so every command does
LEDGER = "ledger"  # every run tells it what happened; the keys of that section sign, on trusted nodes
UNASKED = "jenkins"  # asked by people and their clocks, never by a stage
REPORTS = ("*.json", "*.log", "*.xml", "*.html", "*.md")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what will come of it, where it must run, for how long, with which variables from credentials.

    `wait_minutes` is how long it is worth to ask again where it says that it has to wait (21).
    `exit_code` is what is known already: 0, or that of a kept no (10) or of a run that another one holds (21).
    """

    stage: str
    command: str
    title: str
    state: str
    reason: str
    key: str | None
    node: Node
    timeout_minutes: int
    credentials: tuple[str, ...]
    wait_minutes: float = 0
    exit_code: int = 0
    message: str = ""
    hint: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its stages as far as this branch goes.

    `carry` is the file to hand to the next node (see `mlagent.engine.carry`), nothing where all reach one store.
    """

    schema: int = SCHEMA
    run: str
    build: int | None
    branch: str | None
    pull_request: str | None
    past_load_test: bool
    carry: str
    stages: tuple[Told, ...]


def tell(
    workspace: Workspace,
    run_id: str,
    steps: Sequence[Step],
    environ: Mapping[str, str],
    *,
    until: str | None,
    carry: str = "",
) -> Plan:
    """The plan, cut off after `until`, and after load-test where the branch goes no further or a stage is skipped."""
    here = branch.of(workspace.project, environ)
    skipped = any(step.state == "skip" for step in steps)  # not one that is off: it has nothing to do
    past = not skipped and here.past_load_test(workspace.settings.sections["deploy"].branches)
    found = workspace.records.load(run_id)
    told = [_told(stage, step, workspace.settings) for stage, step in zip(workspace.stages, steps, strict=True)]
    names = [one.stage for one in told]
    ends = [names.index(last) + 1 for last in (until, None if past else FOR_ALL) if last in names]
    return Plan(
        run=run_id,
        build=found[0].build if found else None,
        branch=here.name,
        pull_request=here.pull_request,
        past_load_test=past,
        carry=carry,
        stages=tuple(told[: min(ends, default=len(told))]),
    )


def variables(settings: Settings, sections: Sequence[str] | None = None) -> tuple[str, ...]:
    """The environment variables that hold secrets of these sections; without any named, of all that a build asks."""
    asked = [name for name in settings.sections if name != UNASKED] if sections is None else sections
    structs = [settings.sections[name] for name in asked]
    named = [one.variable for one in Settings(dict(enumerate(structs)), {}).secrets()]  # type: ignore[arg-type]
    return tuple(dict.fromkeys(one for one in named if one))


def _told(stage: Stage, step: Step, settings: Settings) -> Told:
    known, config = _known_end(step), {name: settings.plain(name) for name in settings.sections}
    return Told(
        stage=stage.name,
        command=stage.command,
        title=stage.title,
        state=step.state,
        reason=step.reason,
        key=step.key,
        node=stage.node(config),
        timeout_minutes=hooks.minutes(settings, stage),
        credentials=_credentials(settings, (*BY_ALL, stage.settings, *stage.sections, *stage.uses)),
        wait_minutes=getattr(settings.sections[stage.settings], stage.waits) if stage.waits else 0,
        exit_code=known.code if known else 0,
        message=known.message if known else "",
        hint=known.hint if known else "",
    )


def _credentials(settings: Settings, sections: Sequence[str]) -> tuple[str, ...]:
    """Those of these sections, and the way to the ledger."""
    found = variables(settings, sections)
    database = getattr(settings.sections.get(LEDGER), "database", None)
    named = [database.variable] if database is not None and database.variable else []
    return (*found, *(one for one in named if one not in found))


def _known_end(step: Step) -> MlagentError | None:
    """The error that running the stage would end with, where that is known without running it."""
    if step.state == "waiting":
        return Held(step.reason, hint="wait for it to end, or stop it; then build again")
    try:
        for verdict in step.result.verdicts if step.result else ():
            verdict.raise_unless_pass(step.result.hint if step.result else "")
    except MlagentError as error:
        return error
    return None


def said(workspace: Workspace, run: RunRecord, names: Sequence[str], cwd: Path) -> dict[str, object]:
    """What to show and keep of these stages; patterns are relative to `cwd`, which Jenkins calls the workspace."""
    home = os.path.relpath(workspace.home, cwd)
    folder = f"{home}/runs/{run.run_id}"
    archive = [
        f"{folder}/run.json",
        f"{folder}/summary.md",
        f"{folder}/report.html",
        *(f"{folder}/{name}/{one}" for name in names for one in REPORTS),
    ]
    return {
        "run": run.run_id,
        "build": run.build,
        "description": describe(run, workspace.run_folder(run.run_id)),
        "archive": ",".join(archive),
        "junit": ",".join(f"{folder}/{name}/junit-*.xml" for name in names),
    }


def describe(run: RunRecord, folder: Path) -> str:
    """A line for the list of builds: the model with its version and digest, and what was judged."""
    made = run.stages.get("export")
    onnx = made.outputs.get("onnx") if made else None
    version = folder / "register" / "version.json"
    number = f" v{msgspec.json.decode(version.read_bytes())['number']}" if version.is_file() else ""
    parts = [f"{run.project}{number}", *([onnx.digest[:19]] if onnx else [])]
    judged = [(name, run.stages[name].verdicts) for name in ("gate", "load-test") if name in run.stages]
    parts += [f"{name} {one.outcome}" for name, verdicts in judged for one in verdicts]
    parts += [f"{name} skipped" for name, entry in run.stages.items() if entry.state == "skipped"]
    return " · ".join([*parts, f"run {run.run_id}"])
