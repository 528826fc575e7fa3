"""`mlagent rollback`: what served before serves again; one command, the same however often it is given."""

from typing import TYPE_CHECKING

import click

from mlagent.cli import environments
from mlagent.cli.app import App

if TYPE_CHECKING:
    from mlagent.engine.workspace import Workspace
    from mlagent.rollout.back import Back


@click.command()
@environments.env_option
@click.option("--to", default="", metavar="RELEASE", help="A version, or (the beginning of) an image's digest.")
@click.option("--reason", default="", help="Why, for the ledger and for whoever looks at the rollout.")
@click.pass_obj
def rollback(app: App, environment: str, to: str, reason: str) -> None:
    """Have what served before serve again, and move alias and ledger once it does.

    The older pods get ready before a newer one goes. Nothing is verified or approved anew: only what served here in
    full is gone back to, and that was verified when it came. Given again, it has nothing to do; --to goes farther.
    """
    workspace = app.workspace()
    with environments.driving(app, environment) as hands:
        from mlagent.rollout.back import back

        went = back(hands, to=to, reason=reason)
        why = reason or "no reason was given"
        unknown = _recorded(workspace, environment, went, hands.now(), why) if went.left else ""
    _say(environment, went)
    if unknown:
        click.echo(f"Note: {unknown}.", err=True)


def _recorded(workspace: "Workspace", environment: str, went: "Back", now: str, reason: str) -> str:
    """Alias and ledger, as far as this project's know the release; why not, where they do not."""
    from mlagent.rollout import promotion

    return promotion.rolled_back(
        workspace.registry,
        workspace.ledger,
        went.placed,
        environment,
        environments.who(),
        now,
        left=went.left.release if went.left else None,
        reason=reason,
    ).unknown


def _say(environment: str, went: "Back") -> None:
    release = went.placed.release
    if not went.moved:
        click.echo(f"{environment} serves {release} already: nothing was moved. `--to` goes back farther.")
        return
    left = f" in the place of {went.left.release}" if went.left else ""
    click.echo(f"{environment} serves {release} again{left}. It was verified when it was deployed.")
