"""`mlagent ledger verify`: whether the ledger is what it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli import platform
from mlagent.cli.app import App
from mlagent.cli.ledger import around
from mlagent.cli.ledger.progress import progress
from mlagent.cli.ledger.words import many, plain
from mlagent.errors import PolicyRefused

if TYPE_CHECKING:
    from mlagent.ledger.verification import Report

HINT = "agent/docs/ledger.md says what each means; restore the ledger from a backup, and ask who may write to it"
NO_CHECKPOINT = (
    "no checkpoint was taken yet: who can write all of it could write all of it anew, and that would not show"
)


@click.command()
@click.option("--key", type=platform.POLICY, help="A public key (PEM) that must have signed, instead of those set.")
@click.option("--no-signatures", "unsigned", is_flag=True, help="Look at no signature: where there is no cosign, say.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of sentences.")
@click.pass_obj
def verify(app: App, key: Path | None, *, unsigned: bool, as_json: bool) -> None:
    """Say whether anybody edited, moved, took out or cut off entries: 0, or 12 with all that is wrong.

    Every entry is read and held against the one before and against the checkpoints: those beside the ledger, in the
    tags of the registry's versions, on the Deployments. No key set: signatures are not looked at, which is said.
    """
    import msgspec

    from mlagent.ledger.verification import verify as verified

    if key and unsigned:
        message = "--key and --no-signatures are two answers to one question: give one of them"
        raise click.UsageError(message, ctx=click.get_current_context())
    workspace = app.workspace()
    keys, seen = {} if unsigned else around.witnesses(app, key), around.look(app, workspace)
    demanded = bool(key or app.settings().sections["ledger"].public_key)
    with progress(quiet=as_json) as told:
        report = verified(workspace.ledger, seen.anchored, around.good(app, keys), told, demanded=demanded)
    notes = (*report.notes, *seen.missed)
    if as_json:
        said = report._asdict() | {"notes": notes, "whole": not report.faults, "keys_used": list(keys)}
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(said)).decode()))
    else:
        for line in lines(report, notes, tuple(keys)):
            click.echo(app.mask(plain(line)))
    if report.faults:
        raise PolicyRefused(f"the ledger is not whole: {many(len(report.faults), 'fault', 'faults')}", hint=HINT)


def lines(report: "Report", notes: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[str]:
    """What was found, for people."""
    yield from (f"fault: {one}" for one in report.faults)
    yield from (f"note: {one}" for one in notes)
    looked = f"{many(report.size, 'entry', 'entries')}, {many(report.checkpoints, 'checkpoint', 'checkpoints')}"
    by = f", signatures by {' or '.join(keys)}" if keys else ""
    if report.size and not report.checkpoints:
        yield f"note: {NO_CHECKPOINT}"
    if report.size == 0 and not report.faults:
        yield "the ledger is empty: there is nothing that could be wrong"
    elif not report.faults:
        yield f"whole: {looked}{by}"
        yield f"head {report.head}"
        yield f"root {report.root}"
