"""`mlagent init` and `mlagent doctor`."""

import click

from mlagent import catalog
from mlagent.cli.app import App


@click.command()
@click.argument("name")
@click.option("--template", default="digits", show_default=True, help="Which project to write.")
@click.option("--data/--no-data", default=True, help="Make the template's data as well.")
@click.pass_obj
def init(app: App, name: str, template: str, *, data: bool) -> None:
    """Write a new project NAME from a template, with its data, in a folder of that name."""
    from mlagent.engine.scaffold import write_project
    from mlagent.render.schema import schema_text

    folder = write_project(app.project, name, template, schema=schema_text(), with_data=data)
    click.echo(f"wrote {folder}")
    click.echo(f"next: cd {name} && mlagent run")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def doctor(app: App, *, as_json: bool) -> None:
    """Say what this machine has and lacks, for which stage, and how to get it; exit 3 when a stage cannot run."""
    import msgspec

    from mlagent.engine.doctor import examine, examine_store
    from mlagent.engine.environment import declared
    from mlagent.engine.inside import examine_worker
    from mlagent.errors import ConfigError
    from mlagent.report.table import table

    workspace = app.workspace() if (app.project / "mlpipeline.yaml").exists() else None
    findings = examine(catalog.STAGES, own_worker=workspace is None or declared(app.project) is None)
    if workspace:
        findings += [*examine_worker(workspace), examine_store(workspace)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        rows = [(one.stage, one.need, one.state, one.detail) for one in findings]
        click.echo(table(("stage", "needs", "state", "found, or how to get it"), rows, colour=2))
    missing = sorted({one.need for one in findings if one.state == "missing"})
    if missing:
        raise ConfigError(f"this machine lacks {', '.join(missing)}", hint="the table says how to get each")
