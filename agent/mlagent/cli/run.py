"""`mlagent run`: the chain, or a part of it; what is known already is reused."""

import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option
from mlagent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlagent.config.load import Flag
    from mlagent.core.stage import Stage
    from mlagent.engine.record import RunRecord
    from mlagent.engine.runner import Runner
    from mlagent.engine.workspace import Workspace

UNFIT = ("running", "inconclusive", "invalid", "held", "undone", "failed", "stopped")  # of them nothing is reused
STAGE = click.Choice([stage.name for stage in catalog.STAGES])


@click.command()
@set_option
@click.option("--from", "start", type=STAGE, metavar="STAGE", help="Begin here; what stands before must be reusable.")
@click.option("--until", type=STAGE, metavar="STAGE", help="End here.")
@click.option("--force", type=STAGE, metavar="STAGE", multiple=True, help="Run this stage though its result is known.")
@click.pass_obj
def run(app: App, sets: tuple[str, ...], start: str | None, until: str | None, force: tuple[str, ...]) -> None:
    """Run every stage in order, reuse what is known, end in a table of verdicts."""
    execute(app, parse_sets(sets), start=start, until=until, force=force)


def execute(
    app: App,
    flags: "Sequence[Flag]",
    *,
    start: str | None,
    until: str | None,
    force: "Sequence[str]",
    asked: frozenset[str] = frozenset(),
) -> None:
    """Hold the run, go through the chain, print how it ended."""
    _must_agree(start, until, force)
    with holding(app, flags, force, asked) as runner:
        try:
            runner.run_all(_stage(start), _stage(until))
        finally:
            finish(app, runner.run)
            _report(app, runner.workspace, runner.run)
            _tell(app, runner.workspace, runner.run, start, until)


@contextmanager
def holding(
    app: App, flags: "Sequence[Flag]", force: "Sequence[str]" = (), asked: frozenset[str] = frozenset()
) -> "Iterator[Runner]":
    """The run that the project is now, as long as the block lasts; Held (21) where another has it."""
    from mlagent.engine import identity
    from mlagent.engine.runner import Runner
    from mlagent.engine.workspace import open_home

    workspace = app.workspace(flags)
    workspace.asked = asked
    open_home(workspace.home)
    given = workspace.given({name: secrets.token_hex(8) for name in force})
    run_id = identity.run_id(given)
    folder = workspace.run_folder(run_id)
    lease = workspace.hold(run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        app.error_homes.append(folder)
        (folder / "error.json").unlink(missing_ok=True)
        yield Runner(workspace, given, lease, app.log())
    finally:
        lease.release()


def _tell(app: App, workspace: "Workspace", record: "RunRecord", start: str | None, until: str | None) -> None:
    """Keep the summary, and what Jenkins shows and keeps of the stages that were asked for."""
    from mlagent.engine import courier, summary

    names = [stage.name for stage in catalog.STAGES]
    first, last = names.index(start or names[0]), names.index(until or names[-1])
    with suppress(OSError):  # a full disk must not change how the run ended
        summary.write(workspace, record)
    app.said = courier.said(workspace, record, names[first : last + 1], Path.cwd())


def _must_agree(start: str | None, until: str | None, force: "Sequence[str]") -> None:
    """A range that holds no stage, or not the forced one, would do nothing and look like success."""
    names = [stage.name for stage in catalog.STAGES]
    first, last = names.index(start or names[0]), names.index(until or names[-1])
    if first > last:
        raise UsageError(f"--from {start} comes after --until {until}", hint=f"the order is: {', '.join(names)}")
    outside = [name for name in force if name not in names[first : last + 1]]
    if outside:
        raise UsageError(f"--force {outside[0]} is outside of what is run", hint=f"the order is: {', '.join(names)}")


def finish(app: App, record: "RunRecord") -> None:
    """Print what ran and what was judged, however it ended."""
    from mlagent.report import table

    rows = [[app.mask(cell) for cell in (stage.name, *_row(record, stage.name))] for stage in catalog.STAGES]
    entries = {stage.name: record.stages[stage.name] for stage in catalog.STAGES if stage.name in record.stages}
    judged = [(name, verdict) for name, entry in entries.items() for verdict in entry.verdicts]
    click.echo()
    click.echo(table.table(("stage", "state", "seconds", "what it says"), rows, colour=1))
    if judged:
        click.echo("\n" + app.mask(table.verdicts(judged)))
    build = f"build {record.build}" if record.build else "no build number yet"
    click.echo(f"\nrun {record.run_id}, {build}, attempt {record.attempt}{_tree(record)}{_why(record)}")
    click.echo(f"kept in {app.project / '.mlagent' / 'runs' / record.run_id}")


def _report(app: App, workspace: "Workspace", record: "RunRecord") -> None:
    """Leave the page in the run's folder and say where; without one the run ends as it does."""
    from mlagent.cli.report import write

    try:
        click.echo(f"report: {write(app, workspace, record)}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not change how the run ended
        click.echo(app.mask(f"warning: no report was written ({type(error).__name__}: {error})"), err=True)


def _row(record: "RunRecord", name: str) -> tuple[str, str, str]:
    entry = record.stages.get(name)
    if entry is None:
        return "not run", "", ""
    before = entry.attempt != record.attempt
    seconds = "reused" if entry.reused_from or before else "" if entry.seconds is None else f"{entry.seconds:.1f}"
    if before and entry.state in UNFIT:
        seconds = "earlier"
    return entry.state, seconds, entry.summary


def _tree(record: "RunRecord") -> str:
    if record.commit is None:
        return ", without git"
    return f", commit {record.commit[:12]}{' with uncommitted changes' if record.dirty else ''}"


def _why(record: "RunRecord") -> str:
    return f", asked for: {record.reason}" if record.reason else ""


def _stage(name: str | None) -> "Stage | None":
    return next((stage for stage in catalog.STAGES if stage.name == name), None)
