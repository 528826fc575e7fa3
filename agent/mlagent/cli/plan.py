"""`mlagent plan`, `mlagent show`, `mlagent summary` and `mlagent gc`: looking, and tidying up."""

import os
from pathlib import Path

import click

from mlagent.cli.app import App
from mlagent.cli.options import out_option, parse_sets, set_option
from mlagent.cli.run import STAGE


@click.command()
@set_option
@click.option("--until", type=STAGE, metavar="STAGE", envvar="MLPIPELINE_UNTIL", help="End here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table: what Jenkins is told.")
@click.pass_obj
def plan(app: App, sets: tuple[str, ...], until: str | None, *, as_json: bool) -> None:
    """Say what `mlagent run` would do, stage by stage, and why; do nothing."""
    import msgspec

    from mlagent.engine import carry, courier
    from mlagent.engine.planning import plan_now
    from mlagent.report.table import table

    workspace = app.workspace(parse_sets(sets))
    run_id, steps = plan_now(workspace)
    if as_json:
        wanted = app.environ.get(carry.VARIABLE) == "out"
        carried = carry.out(workspace, run_id, steps) if wanted else None
        where = os.path.relpath(carried) if carried else ""
        told = courier.tell(workspace, run_id, steps, app.environ, until=until, carry=where)
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        names = [one.stage for one in steps]
        steps = steps[: names.index(until) + 1] if until else steps
        rows = [(one.stage, one.state, app.mask(one.reason)) for one in steps]
        click.echo(table(("stage", "state", "reason"), rows))


@click.command()
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the record itself.")
@click.pass_obj
def show(app: App, run_id: str | None, *, as_json: bool) -> None:
    """Show how a run ended: its stages, verdicts and outputs (default: the run begun last)."""
    import msgspec

    from mlagent.cli.run import finish

    record = app.workspace().named(run_id)
    if as_json:
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(record)).decode()))
    else:
        finish(app, record)


@click.command()
@click.argument("run_id", required=False)
@out_option("Write it to this file instead.")
@click.pass_obj
def summary(app: App, run_id: str | None, out: Path | None) -> None:
    """Print how a run (default: the one begun last) ended, as Markdown: metrics beside production's, verdicts."""
    from mlagent.core.files import write_whole
    from mlagent.engine.summary import text

    workspace = app.workspace()
    page = text(workspace, workspace.named(run_id))
    if out is None:
        click.echo(page, nl=False)
    else:
        write_whole(out.absolute(), page.encode())
        click.echo(f"wrote {out}")


@click.command()
@click.option("--keep", type=click.IntRange(min=1), default=10, show_default=True, help="How many runs to keep.")
@click.option("--delete", is_flag=True, help="Really remove; without it, only say what would go.")
@click.pass_obj
def gc(app: App, keep: int, *, delete: bool) -> None:
    """Remove what no kept run and no release names: old runs, their results and blobs, their folders here."""
    from mlagent.engine.gc import collect

    gone = collect(app.workspace(), keep, delete=delete)
    verb = "removed" if delete else "would remove"
    parts = (f"{gone.runs} runs", f"{gone.results} results", f"{gone.blobs} blobs", f"{gone.folders} folders here")
    click.echo(f"{verb} {', '.join(parts)} ({gone.bytes / 1e6:.1f} MB)")
    if not delete and any((gone.runs, gone.results, gone.blobs, gone.folders)):
        click.echo("nothing was removed: say --delete to do it")
