"""The team's own lint and unit tests, run as the team would run them; what fails here costs seconds, not GPU hours."""

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is run; an empty list leaves that check out, and the log says so."""

    LEFT_OUT: ClassVar = {"timeout_seconds"}

    lint: Annotated[tuple[str, ...], Meta(description="The lint command, run in the project's folder.")] = (
        "ruff",
        "check",
        ".",
    )
    test: Annotated[tuple[str, ...], Meta(description="The test command; pytest writes JUnit by itself.")] = (
        "pytest",
        "-q",
    )
    timeout_seconds: Annotated[float, Meta(gt=0, description="How long each of the two may take.")] = 600.0


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Run lint, then tests; both are run before either is judged, so that one build shows all there is to mend."""
    from mlagent.core.context import Outputs
    from mlagent.errors import TeamCodeError
    from mlagent.report.junit import Case, write

    said: dict[str, str] = {}
    for name, command in (("lint", config.lint), ("test", config.test)):
        said[name] = _one(name, command, config.timeout_seconds, ctx)
    report = ctx.work / "junit-test.xml"
    if not report.exists():
        write(report, "test", [Case("test", _failure(said["test"], ctx.work / "test.log"))])
    write(ctx.work / "junit-lint.xml", "lint", [Case("lint", _failure(said["lint"], ctx.work / "lint.log"))])
    bad = [f"{name} {word}" for name, word in said.items() if word not in ("passed", "left out")]
    if bad:
        raise TeamCodeError(
            f"check: {' and '.join(bad)}",
            hint="mend what the output above shows (kept in the run's folder), or change check.lint and check.test",
        )
    return Outputs(summary=", ".join(f"{name} {word}" for name, word in said.items()))


def _one(name: str, command: Sequence[str], seconds: float, ctx: "Context") -> str:
    kept = ctx.work / f"{name}.log"
    if not command:
        kept.touch()
        ctx.log.warning(f"check.{name} is empty: left out")
        return "left out"
    ctx.log.info(f"{name}: {' '.join(command)}")
    junit = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={shlex.quote(str(ctx.work / 'junit-test.xml'))}"
    env = {"PYTEST_ADDOPTS": f"{junit} -p no:cacheprovider".strip()} if name == "test" else {}
    status = ctx.worker.execute(command, seconds=seconds, env=env, kept=kept)
    if name == "test" and status == 5 and "pytest" in " ".join(command):
        return "found no tests (no data is not a pass: write one, or `check: {test: []}`)"
    return "passed" if status == 0 else f"failed (exit status {status})"


def _failure(word: str, kept: "Path") -> str | None:
    return None if word in ("passed", "left out") else kept.read_text(errors="replace")


STAGE = Stage(
    name="check",
    title="Check the team's code",
    about="Runs the project's lint and unit tests (ruff and pytest unless it says otherwise) and keeps their output.",
    config=Config,
    run=run,
    writes=(
        Artifact("lint-log", "lint.log", "what the lint command printed"),
        Artifact("test-log", "test.log", "what the test command printed"),
        Artifact("junit-lint", "junit-lint.xml", "the lint result as JUnit"),
        Artifact("junit-test", "junit-test.xml", "the test results as JUnit"),
    ),
    sources=("**/*.py", "*.toml", "*.cfg", "*.ini"),
    in_worker=True,
    effect="compute",
    needs=Needs(packages=(Package("ruff", "worker"), Package("pytest", "worker"))),
)
