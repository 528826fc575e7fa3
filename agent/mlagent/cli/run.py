"""`mlagent run`: the whole chain."""

from typing import TYPE_CHECKING

import click

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option

if TYPE_CHECKING:
    from mlagent.engine.record import RunRecord
    from mlagent.engine.runner import Runner
    from mlagent.engine.workspace import Workspace


@click.command()
@set_option
@click.pass_obj
def run(app: App, sets: tuple[str, ...]) -> None:
    """Run every stage in order, ending in a table of verdicts."""
    workspace = app.workspace(parse_sets(sets))
    record = workspace.begin(fresh=True)
    runner = start(app, workspace, record)
    try:
        runner.run_all()
    finally:
        finish(app, record)


def start(app: App, workspace: "Workspace", record: "RunRecord") -> "Runner":
    """Make ready to run: errors are kept in the run's folder from here on."""
    from mlagent.engine.runner import Runner

    folder = workspace.run_folder(record.run_id)
    app.error_homes.append(folder)
    (folder / "error.json").unlink(missing_ok=True)
    return Runner(workspace, record, catalog.STAGES, app.log())


def finish(app: App, record: "RunRecord") -> None:
    """Print what ran and what was judged, however it ended."""
    from mlagent.report import table

    rows = []
    for stage in catalog.STAGES:
        entry = record.stages.get(stage.name)
        seconds = "" if entry is None or entry.seconds is None else f"{entry.seconds:.1f}"
        rows.append((stage.name, entry.state if entry else "not run", seconds, entry.summary if entry else ""))
    judged = [(name, verdict) for name, entry in record.stages.items() for verdict in entry.verdicts]
    click.echo()
    click.echo(app.mask(table.table(("stage", "state", "seconds", "what it says"), rows, colour=1)))
    if judged:
        click.echo("\n" + app.mask(table.verdicts(judged)))
    click.echo(f"\nrun {record.run_id}: {app.project / '.mlagent' / 'runs' / record.run_id}")
