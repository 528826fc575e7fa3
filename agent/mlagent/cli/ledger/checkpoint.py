"""`mlagent ledger checkpoint`: seal what the ledger says now, and give the seal to those who keep one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.cli.ledger import around
from mlagent.cli.ledger.words import many, plain
from mlagent.config.environments import ENVIRONMENTS
from mlagent.errors import ConfigError, InfrastructureError

if TYPE_CHECKING:
    from mlagent.engine.workspace import Workspace
    from mlagent.ledger.anchors import Anchor
    from mlagent.ledger.checkpoint import Sealed

UNSIGNED = "it is not signed: set ledger.key (or ledger.service, or sign.key), so that nobody can make one up"


@click.command()
@click.pass_obj
def checkpoint(app: App) -> None:
    """Seal all entries under one hash, signed where there is a key, and put it where others keep it.

    Every promotion does this; between promotions an audit may want it. The same entries give the same checkpoint.
    The ledger is verified first: 12 where it has faults that nobody acknowledged.
    """
    from mlagent.engine.clock import now
    from mlagent.ledger.sealing import take

    workspace = app.workspace()
    if not workspace.ledger.head().number:
        click.echo("the ledger is empty: there is nothing to seal")
        return
    with workspace.ledger.holding(environments.model(app), environments.who()):
        around.refuse(app, workspace, "no checkpoint is taken")
        sealed = take(workspace.ledger, environments.model(app), now(), around.signer(app))
        places = list(_put(app, workspace, sealed))
    said = sealed.checkpoint
    click.echo(f"checkpoint of {many(said.size, 'entry', 'entries')}, taken {said.time}")
    click.echo(f"head {said.head}\nroot {said.root}")
    click.echo(app.mask(plain(f"signed by {sealed.key}" if sealed.signature else f"note: {UNSIGNED}")))
    for line in places:
        click.echo(app.mask(plain(line)))


def _put(app: App, workspace: "Workspace", sealed: "Sealed") -> Iterator[str]:
    """Into the tag of the version, and on the Deployment, of each environment that something was promoted to."""
    from mlagent.ledger import history
    from mlagent.ledger.moves import version

    model = environments.model(app)
    for name in ENVIRONMENTS:
        move = history.standing(workspace.ledger, model, name)
        for place in around.anchors(app, workspace, name) if move else ():
            try:
                with place as anchor:
                    if move and anchor.has(version(move)):
                        yield from _into(workspace, model, anchor, version(move), name, sealed)
            except (InfrastructureError, ConfigError) as error:
                yield f"note: {name} was not given it: {error.message}"


def _into(
    workspace: "Workspace", model: str, anchor: "Anchor", number: int | None, environment: str, sealed: "Sealed"
) -> Iterator[str]:
    """One that contradicts the ledger is evidence, and is left there."""
    from mlagent.ledger import guard
    from mlagent.ledger.anchors import contradiction, finding
    from mlagent.ledger.checkpoint import write

    there = anchor.there(number)
    why = contradiction(workspace.ledger, there) if there else ""
    if there and why and finding(there).id not in guard.acknowledged(workspace.ledger, model):
        yield f"note: the one that {environment} keeps was left there: {why}; `mlagent ledger verify` says more"
    elif there != write(sealed):
        anchor.write(write(sealed), number)
        yield f"put where {environment} keeps one"
