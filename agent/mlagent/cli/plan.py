"""`mlagent plan`, `mlagent show` and `mlagent gc`: looking, and tidying up."""

import click

from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option


@click.command()
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def plan(app: App, sets: tuple[str, ...], *, as_json: bool) -> None:
    """Say what `mlagent run` would do, stage by stage, and why; do nothing."""
    import msgspec

    from mlagent.engine.planning import plan_now
    from mlagent.report.table import table

    run_id, steps = plan_now(app.workspace(parse_sets(sets)))
    if as_json:
        stages = [{"stage": step.stage, "state": step.state, "reason": step.reason, "key": step.key} for step in steps]
        click.echo(msgspec.json.format(msgspec.json.encode({"run": run_id, "stages": stages})).decode())
    else:
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
