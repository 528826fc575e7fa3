"""Small stages and a runner over them, for tests of the engine."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from mlagent.config.load import Flag, load
from mlagent.config.redact import Redactor
from mlagent.config.sections import SHARED
from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.stage import Stage
from mlagent.engine import identity
from mlagent.engine.log import open_log
from mlagent.engine.runner import Runner
from mlagent.engine.workspace import Workspace, open_home


class Knob(msgspec.Struct, frozen=True):
    """One value that can be turned."""

    knob: int = 0


def stage(name: str, run: Any = None, **more: Any) -> Stage:
    """A stage that writes what it read, its knob and its name; or what `run` does."""
    effect = more.pop("effect", "compute")
    writes = more.pop("writes", (Artifact(name, f"{name}.txt", "a text"),) if run is None else ())
    return Stage(name=name, title=name, about=name, config=Knob, run=run or copy, effect=effect, writes=writes, **more)


def copy(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Write knob and inputs, and count the call beside the project."""
    name = ctx.work.name.lstrip(".")
    text = f"{name} {config.knob} " + " ".join(path.read_text() for path in inputs.values())
    (ctx.work / f"{name}.txt").write_text(text)
    with (ctx.project / "calls").open("a") as calls:
        calls.write(name + "\n")
    return Outputs(summary=f"made {name}")


def calls(project: Path) -> list[str]:
    """Names of the stages that really ran since the last look."""
    path = project / "calls"
    names = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return names


def workspace(project: Path, *stages: Stage, sets: Mapping[str, object] | None = None) -> Workspace:
    """The project with these stages; `sets` are flags."""
    flags = [Flag(key, str(value), key) for key, value in (sets or {}).items()]
    settings = load(SHARED | {one.settings: one.config for one in stages}, project, {}, flags)
    return Workspace(project, settings, stages)


def runner(
    project: Path, *stages: Stage, sets: Mapping[str, object] | None = None, force: Mapping[str, str] | None = None
) -> Runner:
    """A runner that holds its run; release its lease when another is to follow."""
    space = workspace(project, *stages, sets=sets)
    open_home(space.home)
    given = space.given(force or {})
    return Runner(space, given, space.hold(identity.run_id(given)), open_log("lines", Redactor(), StringIO()))


def run(project: Path, *stages: Stage, **options: Any) -> Runner:
    """Run all, and let go however it ends."""
    one = runner(project, *stages, **options)
    try:
        one.run_all()
    finally:
        one.lease.release()
    return one
