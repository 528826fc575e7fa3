"""The commands of `mlagent ledger`."""

import click

from mlagent.cli.ledger.at import at
from mlagent.cli.ledger.checkpoint import checkpoint
from mlagent.cli.ledger.export import export
from mlagent.cli.ledger.reconcile import acknowledge, reconcile
from mlagent.cli.ledger.show import show
from mlagent.cli.ledger.verify import verify


@click.group()
def ledger() -> None:
    """Read who did what to a model, and on what evidence; prove that nobody changed it; settle what differs."""


for _command in (show, at, verify, export, checkpoint, reconcile, acknowledge):
    ledger.add_command(_command)
