"""`mlagent ledger reconcile | acknowledge`: what differs from what the ledger says, and who answers for it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.cli.ledger import around
from mlagent.cli.ledger.words import listed, many, plain
from mlagent.errors import Inconclusive, InputError, PolicyRefused, UsageError

if TYPE_CHECKING:
    from mlagent.core.ports.ledger import Fact
    from mlagent.engine.workspace import Workspace
    from mlagent.ledger.finding import Finding

HEAD = ("finding", "what", "environment", "state", "says")


class Compared(NamedTuple):
    """Everything that differs, who acknowledged what, by the finding's id, and who was not asked, and why."""

    findings: Sequence["Finding"]
    known: Mapping[str, "Fact"]
    missed: Sequence[str]

    def state(self, one: "Finding") -> str:
        """How it stands, in a word: only an open one stands in the way of a promotion."""
        return "note" if not one.blocks else "acknowledged" if one.id in self.known else "open"

    @property
    def open(self) -> Sequence["Finding"]:
        """Those that stand in the way."""
        return [one for one in self.findings if self.state(one) == "open"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def reconcile(app: App, *, as_json: bool) -> None:
    """Compare ledger, registry and clusters: 0, or 12 with all that was moved, edited or deleted by hand.

    An open finding stands in the way of promotions, until it is put right or a person acknowledges it. It ends with 11
    where nothing differs, and an environment that is set up could not be asked.
    """
    import msgspec

    found = _compared(app, app.workspace(), quiet=as_json)
    if as_json:
        plain_findings = [msgspec.to_builtins(one) | {"state": found.state(one)} for one in found.findings]
        said = {"findings": plain_findings, "acknowledged": found.known, "notes": found.missed}
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(said)).decode()))
    else:
        _show(app, found)
    _judge(found)


@click.command()
@click.argument("ids", metavar="FINDING...", nargs=-1, required=True)
@click.option("--by", "name", required=True, metavar="NAME", help="The person who answers for it.")
@click.option("--reason", required=True, help="Why it may stay as it is.")
@click.pass_obj
def acknowledge(app: App, ids: tuple[str, ...], name: str, reason: str) -> None:
    """Say in the ledger that a person has seen a finding and answers for it, so that promotions go on.

    It is of just this finding: whatever else changes afterwards is another one. Given again, it does nothing.
    """
    if not name.strip() or not reason.strip():
        raise UsageError(
            "--by and --reason must say something: they stand in the ledger from now on",
            hint='--by "Ada Lovelace" --reason "moved for the audit, see ticket 17"',
        )
    workspace = app.workspace()
    name, reason = app.mask(name), app.mask(reason)  # what the ledger holds it holds for ever
    found = _compared(app, workspace, quiet=False)
    there = {one.id: one for one in found.findings}
    if strangers := [one for one in ids if one not in there and one not in found.known]:
        raise InputError(
            f"there is no finding {listed(strangers)} now",
            hint=f"`mlagent ledger reconcile` lists them: {', '.join(there) or 'there is none'}",
        )
    for one in dict.fromkeys(ids):
        click.echo(app.mask(plain(_acknowledged(workspace, environments.model(app), found, one, name, reason))))


def _acknowledged(workspace: "Workspace", model: str, found: Compared, named: str, name: str, reason: str) -> str:
    from mlagent.core.ports.ledger import Fact
    from mlagent.engine import sealing
    from mlagent.engine.clock import now

    if before := found.known.get(named):
        return f"{named}: {before.who} has acknowledged it already, {before.time}"
    one = next(one for one in found.findings if one.id == named)
    if not one.blocks:
        return f"{named} stands in nobody's way: there is nothing to acknowledge; {one.cure}"
    details = {"finding": named, "kind": one.kind, "says": one.says, "reason": reason, "typed_by": environments.who()}
    fact = Fact(
        what="acknowledged",
        model=model,
        who=name.strip(),
        time=now(),
        release="",
        environment=one.environment,
        details=details,
    )
    entry = workspace.ledger.append(fact)
    sealing.after(workspace, entry.number, lambda said: click.echo(f"note: {said}", err=True))
    return f"{named}: {name.strip()} answers for it (entry {entry.number}): {one.says}"


def _compared(app: App, workspace: "Workspace", *, quiet: bool) -> Compared:
    from mlagent.ledger import guard

    model, ledger, seen = environments.model(app), workspace.ledger, around.look(app, workspace)
    report = around.verified(app, workspace, seen, quiet=quiet)
    found = guard.findings(ledger, workspace.registry, model, served=seen.served, report=report)
    facts = [one.fact for one in ledger.about(model) if one.fact.what == "acknowledged"]
    return Compared(found, {one.details.get("finding", ""): one for one in reversed(facts)}, seen.missed)


def _show(app: App, found: Compared) -> None:
    from mlagent.report.table import table

    if found.findings:
        rows = [
            (one.id, one.kind, one.environment or "-", found.state(one), _says(found, one)) for one in found.findings
        ]
        click.echo(table(HEAD, [[app.mask(plain(cell)) for cell in row] for row in rows], colour=3))
    for one in found.missed:
        click.echo(app.mask(plain(f"note: {one}")))
    if not found.findings and not found.missed:
        click.echo("nothing differs: registry, clusters and the ledger itself are as the ledger says")


def _says(found: Compared, one: "Finding") -> str:
    """What it is, and what to do; of one that is acknowledged, who answers for it."""
    by = found.known.get(one.id)
    return f"{one.says} [{by.who}: {by.details.get('reason', '')}]" if by else f"{one.says}; {one.cure}"


def _judge(found: Compared) -> None:
    if found.open:
        ids = " ".join(one.id for one in found.open)
        raise PolicyRefused(
            f"{many(len(found.open), 'finding stands', 'findings stand')} in the way of promotions",
            hint="put right what the table says; or, if it is to stay, a person answers for it:"
            f" `mlagent ledger acknowledge {ids} --by NAME --reason …`",
        )
    if found.missed:
        raise Inconclusive(
            f"not everything was asked: {'; '.join(found.missed)}",
            hint="nothing differs in what was asked; give the command again where all can be reached",
        )
