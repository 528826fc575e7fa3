"""`mlagent ledger show`: the entries, newest last."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, get_args

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.cli.ledger.times import moment
from mlagent.core.ports.ledger import Entry, Ledger, What, decode

if TYPE_CHECKING:
    from mlagent.core.ports.ledger import Kept

HEAD = ("entry", "time (UTC)", "what", "environment", "release", "build", "who", "says")
FEW, BLOCK = 20, 1000
SLACK = timedelta(minutes=2)  # the clocks of those who append may differ by a minute


@click.command()
@click.option("--env", "environment", type=environments.WHICH, help="Only what is about this environment.")
@click.option("--model", metavar="NAME", help="Of this model (default: this project's).")
@click.option("--all", "everything", is_flag=True, help="Of all models that share the ledger.")
@click.option("--what", type=click.Choice(get_args(What)), metavar="WHAT", multiple=True, help="Only such: promoted, …")
@click.option("--since", metavar="TIME", callback=moment, help="From then on: a date, or RFC 3339.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=FEW, show_default=True, help="So many at most, the newest."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def show(
    app: App,
    environment: str | None,
    model: str | None,
    what: tuple[str, ...],
    since: str | None,
    limit: int,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Show what was done and judged: a row an entry, the newest last."""
    import msgspec

    if model and everything:
        message = "--model and --all are two answers to one question: give one of them"
        raise click.UsageError(message, ctx=click.get_current_context())
    workspace = app.workspace()
    ledger, name = workspace.ledger, model or str(workspace.settings.sections["project"].name)
    found = _all(ledger, environment) if everything else ledger.about(name, environment)
    wanted = (one for one in _since(found, since or "") if not what or one.fact.what in what)
    chosen = list(islice(wanted, limit + 1))
    shown = chosen[:limit][::-1]
    if as_json:
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(shown)).decode()))
    elif shown:
        _table(app, shown, everything=everything)
        if len(chosen) > limit:
            click.echo(f"\nthere are older ones: --limit shows more than {limit}")
    else:
        click.echo(_none(ledger, "any model" if everything else name))


def _table(app: App, shown: list[Entry], *, everything: bool) -> None:
    from mlagent.cli.ledger.words import plain, row
    from mlagent.report.table import table

    models = [(plain(one.fact.model),) if everything else () for one in shown]
    rows = [(*cells[:2], *named, *cells[2:]) for cells, named in zip(map(row, shown), models, strict=True)]
    head = (*HEAD[:2], *(("model",) if everything else ()), *HEAD[2:])
    click.echo(table(head, [tuple(map(app.mask, one)) for one in rows]))


def _none(ledger: Ledger, name: str) -> str:
    entries = ledger.head().number
    if not entries:
        return "the ledger is empty: it is written to when `mlagent run` accepts data, judges, promotes"
    return f"none of the {entries} entries is such a one of {name}; `--all` shows those of all models"


def _since(found: Iterator[Entry], since: str) -> Iterator[Entry]:
    """Newest first; the clocks of two who append need not be one."""
    if not since:
        return found
    end = (datetime.fromisoformat(since) - SLACK).isoformat(timespec="milliseconds")
    return (one for one in takewhile(lambda one: one.fact.time >= end, found) if one.fact.time >= since)


def _all(ledger: Ledger, environment: str | None) -> Iterator[Entry]:
    for kept in _backwards(ledger):
        entry = decode(kept)
        if environment in (None, entry.fact.environment):
            yield entry


def _backwards(ledger: Ledger) -> "Iterator[Kept]":
    """All that is kept, the newest first, in blocks."""
    above = ledger.head().number + 1
    while above > 1:
        first = max(1, above - BLOCK)
        yield from reversed(list(_up_to(ledger, first, above)))
        above = first


def _up_to(ledger: Ledger, first: int, end: int) -> "Iterator[Kept]":
    return takewhile(lambda one: one.number < end, ledger.kept(first))
