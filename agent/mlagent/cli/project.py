"""`mlagent init` and `mlagent doctor`."""

from pathlib import Path

import click

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.errors import UsageError


@click.command()
@click.argument("name")
@click.option("--template", help="Which project to write: insurance-risk, or digits (default).")
@click.option("--data/--no-data", default=True, help="Make the template's data as well.")
@click.option("--rows", type=click.Path(path_type=Path), help="Instead of a template: your own CSV or Parquet file.")
@click.option("--target", help="The column of --rows to predict.")
@click.pass_obj
def init(app: App, name: str, template: str | None, *, data: bool, rows: Path | None, target: str | None) -> None:
    """Write a new project NAME in a folder of that name: from a template with its data, or around rows of your own."""
    from mlagent.engine.scaffold import OWN, make_data, write_project
    from mlagent.render.schema import schema_text

    if (rows is None) != (target is None) or (rows and template) or template == OWN:
        raise UsageError(
            "rows of your own are named by --rows and --target together, without --template",
            hint=f"mlagent init {name} --rows FILE.csv --target COLUMN",
        )
    if rows is None or target is None:
        chosen = template or "digits"
        folder = write_project(app.project, name, chosen, schema=schema_text(), fill=make_data if data else None)
        click.echo(f"wrote {folder}")
    else:
        from mlagent.engine import own_rows

        own = own_rows.of(rows.absolute(), target)
        folder = write_project(app.project, name, OWN, schema=schema_text(), fill=own.fill)
        click.echo(f"wrote {folder}: {own.kind} of {target}, with a schema of {rows.name} as it is now")
        if own.doubt:
            click.echo(own.doubt)
        if own.exclude:
            click.echo(f"left out as names or keys (data.exclude): {', '.join(own.exclude)}")
        click.echo("bias is not judged yet: name columns of groups in evaluate.groups (agent/docs/gate.md)")
    click.echo(f"next: cd {name} && mlagent run")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--only", metavar="STAGE", multiple=True, help="Of this stage alone; also: worker, store, registry, machine."
)
@click.pass_obj
def doctor(app: App, *, as_json: bool, only: tuple[str, ...]) -> None:
    """Say what this machine has and lacks, for which stage, and how to get it; exit 3 when a stage cannot run.

    Where registry.repository is set, the registry is asked whether it lets anybody push, which fails as well.
    """
    import msgspec

    from mlagent.engine.doctor import examine, examine_environments, examine_machine, examine_store
    from mlagent.engine.environment import declared
    from mlagent.engine.inside import examine_worker
    from mlagent.engine.registry_check import examine_registry
    from mlagent.errors import ConfigError
    from mlagent.report.table import table

    workspace = app.workspace() if (app.project / app.file).exists() else None
    findings = examine(catalog.STAGES, own_worker=workspace is None or declared(app.project) is None)
    if workspace:
        findings += [*examine_worker(workspace), examine_store(workspace)]
        findings += examine_environments(workspace, app.environ)
        findings += examine_registry(workspace) if not only or "registry" in only else []
    findings += examine_machine(app.environ)
    strangers = set(only) - {one.stage for one in findings}
    if strangers:
        known = dict.fromkeys(one.stage for one in findings)
        raise UsageError(f"--only {min(strangers)}: there is no such need", hint=f"one of: {', '.join(known)}")
    findings = [one for one in findings if not only or one.stage in only]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        rows = [(one.stage, one.need, one.state, one.detail) for one in findings]
        click.echo(table(("stage", "needs", "state", "found, or how to get it"), rows, colour=2))
    missing = sorted({one.need for one in findings if one.state == "missing"})
    if missing:
        raise ConfigError(f"this machine lacks {', '.join(missing)}", hint="the table says how to get each")
