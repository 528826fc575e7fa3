"""`mlagent ledger at`: what an environment was at, since when, by whom, and on what evidence."""

from typing import TYPE_CHECKING, Any

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.cli.ledger.times import moment, shown
from mlagent.cli.ledger.words import plain, release
from mlagent.core.ports.ledger import MOVES, Entry, Ledger, decode

if TYPE_CHECKING:
    from mlagent.ledger.history import At

HEAD = ("entry", "time (UTC)", "what", "environment", "release", "build", "who", "says")


@click.command()
@click.argument("time", metavar="TIME", callback=moment)
@environments.env_option
@click.option("--model", metavar="NAME", help="Of this model (default: this project's).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the entries, whole.")
@click.pass_obj
def at(app: App, time: str, environment: str, model: str | None, *, as_json: bool) -> None:
    """Say which release an environment was at: since when, who moved it, why, on what evidence, what it replaced.

    TIME is a date (its first moment in UTC), a time such as 2026-03-01T09:30:00Z, or now.
    """
    from mlagent.ledger import history

    workspace = app.workspace()
    ledger, name = workspace.ledger, model or str(workspace.settings.sections["project"].name)
    found = history.at(ledger, name, environment, time)
    after = _after(ledger, name, environment, found.entry.number if found else 0)
    if as_json:
        click.echo(app.mask(_json(name, environment, time, found, after)))
    elif found is None:
        click.echo(plain(_nothing(ledger, name, environment, time, after)))
    else:
        _say(app, environment, time, found, after)


def _after(ledger: Ledger, model: str, environment: str, number: int) -> Entry | None:
    """The first move that came after this entry: looked for from there on and from the end at once.

    It may be the next entry of a million, or the last one.
    """
    later, onward = None, map(decode, ledger.kept(number + 1))
    for one in ledger.about(model, environment):
        if one.number <= number:
            break
        later = one if one.fact.what in MOVES else later
        following = next(onward, None)
        if following and _moves(following, model, environment):
            return following
    return later


def _moves(entry: Entry, model: str, environment: str) -> bool:
    fact = entry.fact
    return fact.what in MOVES and (fact.model, fact.environment) == (model, environment)


def _nothing(ledger: Ledger, model: str, environment: str, time: str, first: Entry | None) -> str:
    if not ledger.head().number:
        return "the ledger is empty: nothing was brought anywhere yet"
    if first is None:
        return f"no release of {model} was ever brought to {environment}, says the ledger"
    came = f"{release(first.fact)} came first, {shown(first.fact.time)} UTC (entry {first.number})"
    return f"no release of {model} was in {environment} at {shown(time)} UTC: {came}"


def _say(app: App, environment: str, time: str, found: "At", after: Entry | None) -> None:
    from mlagent.cli.ledger.answer import lines
    from mlagent.cli.ledger.words import row
    from mlagent.report.table import table

    told = list(lines(found, time, after))
    wide = max(len(name) for name, _ in told)
    click.echo(app.mask(plain(f"{environment} at {shown(time)} UTC: {release(found.entry.fact)}")) + "\n")
    for name, said in told:
        click.echo(app.mask(f"  {name.ljust(wide)}  {plain(said)}"))
    if found.evidence:
        click.echo(f"\nWhat the ledger says of this release up to then, from entry {found.back_to} on:\n")
        click.echo(table(HEAD, [tuple(map(app.mask, row(one))) for one in found.evidence]))
    click.echo("\nThis is what the ledger says; `mlagent ledger verify` says whether anybody changed it.")


def _json(model: str, environment: str, time: str, found: "At | None", after: Entry | None) -> str:
    import msgspec

    said: dict[str, Any] = {"model": model, "environment": environment, "at": time, "until": after}
    said |= found._asdict() if found else {"entry": None, "replaced": None, "evidence": [], "back_to": None}
    return msgspec.json.format(msgspec.json.encode(said)).decode()
