"""`mlagent policy check | explain`: what the platform asks of a release before it runs."""

from pathlib import Path

import click

from mlagent.cli import platform
from mlagent.cli.app import App

ENVIRONMENT = "Of this environment, e.g. production."


@click.group()
def policy() -> None:
    """Check or explain the platform's policy.yaml: what a release must show before it runs."""


@policy.command()
@click.argument("file", type=platform.POLICY, required=False)
@click.pass_obj
def check(app: App, file: Path | None) -> None:
    """Read FILE (default: the node's, MLAGENT_POLICY_FILE) and say whether it is right, and its digest."""
    from mlagent.trust.explained import notes

    found = platform.written(app, file)
    for note in notes(found):
        click.echo(f"note: {note}", err=True)
    environments = f", and more for {', '.join(found.environments)}" if found.environments else ""
    click.echo(f"{found.file} is right{environments}: {found.digest}")


@policy.command()
@click.option("--env", "environment", default="", metavar="ENV", help=ENVIRONMENT)
@click.option("--policy", "file", type=platform.POLICY, help=platform.ABOUT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def explain(app: App, environment: str, file: Path | None, *, as_json: bool) -> None:
    """Show every rule with its value, where it was written, and what it means."""
    from mlagent.core.digest import canonical_json
    from mlagent.report.table import table
    from mlagent.trust import explained
    from mlagent.trust.policy import policy

    asked = policy(platform.written(app, file), environment)
    rows = list(explained.rows(asked))
    if as_json:
        plain = {"policy": asked.digest, "environment": environment, "rules": [row._asdict() for row in rows]}
        click.echo(canonical_json(plain).decode())
        return
    click.echo(table(explained.Row._fields, rows))
    click.echo(f"\npolicy {asked.digest}")
