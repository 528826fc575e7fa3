"""`mlagent config explain | check | secrets | schema`."""

import click

from mlagent import catalog
from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option


@click.group()
def config() -> None:
    """Explain, check or describe the configuration."""


@config.command()
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.argument("section", required=False)
@click.pass_obj
def explain(app: App, sets: tuple[str, ...], as_json: bool, section: str | None) -> None:  # noqa: FBT001 - a click flag
    """Show every key with its value, where that came from, its variable, and what it means."""
    import msgspec

    from mlagent.config.fields import all_fields, nearest, spell
    from mlagent.report.table import table

    if section is not None and section not in catalog.SECTIONS:
        message = f"{section!r} is not a section{nearest(section, catalog.SECTIONS)}"
        raise click.UsageError(message, ctx=click.get_current_context())
    settings = app.settings(parse_sets(sets))
    rows = []
    for key, field in all_fields(catalog.SECTIONS).items():
        if section in (None, field.section):
            value = getattr(settings.sections[field.section], field.name)
            rows.append(
                (key, spell(value), str(settings.sources[key]), field.variable, f"{field.about} ({field.expects})")
            )
    head = ("key", "value", "source", "variable", "about")
    if as_json:
        plain = [dict(zip(head, row, strict=True)) for row in rows]
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(plain)).decode()))
    else:
        click.echo(table(head, [[app.mask(cell) for cell in row] for row in rows]))


@config.command()
@set_option
@click.pass_obj
def check(app: App, sets: tuple[str, ...]) -> None:
    """Read file, environment and flags, and say whether they are right."""
    settings = app.settings(parse_sets(sets))
    unreadable = [secret.reference for secret in settings.secrets() if secret.peek() is None]
    for reference in unreadable:
        click.echo(f"note: the secret {reference} cannot be read here", err=True)
    click.echo(f"{app.project / app.file} is right: {len(settings.sources)} keys")


@config.command("secrets")
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: all of them, and those a plan needs.")
@click.pass_obj
def secret_variables(app: App, sets: tuple[str, ...], *, as_json: bool) -> None:
    """Name the environment variables that the configuration takes secrets from and that are not set here."""
    import msgspec

    from mlagent.engine.courier import BY_ALL, variables

    settings = app.settings(parse_sets(sets))
    missing, plan = (
        [name for name in variables(settings, sections) if not app.environ.get(name)] for sections in (None, BY_ALL)
    )
    if as_json:
        click.echo(msgspec.json.encode({"all": missing, "plan": plan}).decode())
    else:
        click.echo("\n".join(missing), nl=bool(missing))


@config.command()
def schema() -> None:
    """Print the JSON Schema of mlpipeline.yaml, for editors."""
    from mlagent.render.schema import schema_text

    click.echo(schema_text(), nl=False)
