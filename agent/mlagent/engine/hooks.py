"""The team's own scripts before and after a stage: named in `stages:`, run in the worker, part of the stage's key."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlagent.config.fields import nearest
from mlagent.config.load import Settings
from mlagent.core.context import Context
from mlagent.core.digest import of_file
from mlagent.core.stage import Stage
from mlagent.errors import ConfigError, TeamCodeError

WHEN = ("before", "after")


def fact(when: str, stage: str) -> str:
    """What a hook is called among the facts that a key is made of."""
    return f"script {when} {stage}"


def of(settings: Settings, stage: str) -> dict[str, str]:
    """The hooks of one stage: the script's path in the project, by when it runs."""
    section = settings.sections["stages"]
    return {when: getattr(section, when)[stage] for when in WHEN if stage in getattr(section, when)}


def facts(project: Path, settings: Settings, stages: Sequence[Stage]) -> dict[str, str]:
    """The digest of every hook; ConfigError (3) for a stage or a script that is not there."""
    section = settings.sections["stages"]
    names = [stage.name for stage in stages]
    for key in (*WHEN, "timeout_minutes", "skip"):
        for name in getattr(section, key):
            if name not in names:
                raise ConfigError(
                    f"stages.{key}: {name!r} is no stage{nearest(name, names)}", hint=f"stages: {', '.join(names)}"
                )
    return {
        fact(when, name): of_file(_script(project, f"stages.{when}.{name}", path))
        for when in WHEN
        for name, path in getattr(section, when).items()
    }


def _script(project: Path, key: str, path: str) -> Path:
    found = (project / path).resolve()
    if project.resolve() not in found.parents or not found.is_file():
        raise ConfigError(f"{key}: there is no file {path!r} in the project", hint="write the path from its folder on")
    if not os.access(found, os.X_OK):
        raise ConfigError(f"{key}: {path} may not be executed", hint=f"git update-index --chmod=+x {path}")
    return found


def run(when: str, hooks: Mapping[str, str], stage: Stage, minutes: int, ctx: Context) -> None:
    """Run the stage's hook of that moment, if it has one; TeamCodeError (5) when it fails."""
    if when not in hooks:
        return
    path = hooks[when]
    ctx.log.info(f"{when} {stage.name}: {path}")
    env = {"MLPIPELINE_STAGE": stage.name, "MLPIPELINE_FOLDER": str(ctx.work)}
    status = ctx.worker.execute([f"./{path}"], seconds=minutes * 60.0, env=env, kept=ctx.work / f"{when}.log")
    if status != 0:
        raise TeamCodeError(
            f"{path}, which runs {when} {stage.name}, failed (exit status {status})",
            hint=f"mend what its output above shows, or take it out of stages.{when} in mlpipeline.yaml",
        )


def minutes(settings: Settings, stage: Stage) -> int:
    """How long a stage may take: what the team says, else what the stage does."""
    given: int = settings.sections["stages"].timeout_minutes.get(stage.name, stage.minutes)
    return given
