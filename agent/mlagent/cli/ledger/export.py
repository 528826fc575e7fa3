"""`mlagent ledger export`: the entries in a file, for who reads them elsewhere."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli.app import App
from mlagent.cli.ledger.times import moment
from mlagent.cli.ledger.words import many
from mlagent.cli.options import out_option
from mlagent.core import digest
from mlagent.core.ports.ledger import decode

if TYPE_CHECKING:
    from mlagent.core.ports.ledger import Kept

COLUMNS = ("number", "time", "what", "model", "environment", "who", "release", "build", "run", "details", "holds")
PROOF = ("previous", "digest")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command()
@click.option(
    "--since", metavar="TIME", callback=moment, help="From the first entry of then or later on: a date, or RFC 3339."
)
@click.option(
    "--csv", "as_csv", is_flag=True, help="A table for a spreadsheet, instead of the entries as they are kept."
)
@out_option("The file.")
@click.pass_obj
def export(app: App, since: str | None, out: Path | None, *, as_csv: bool) -> None:
    """Write the entries of all models, the oldest first, whole or not at all.

    One JSON line an entry, byte for byte as it is kept: the digest of a line is what the next one names as `previous`.
    """
    from mlagent.core.files import whole

    if out is None:
        message = "--out FILE is missing: where are the entries to be written?"
        raise click.UsageError(message, ctx=click.get_current_context())
    kept = app.workspace().ledger.kept()
    wanted = dropwhile(lambda one: decode(one).fact.time < since, kept) if since else kept
    count = 0
    with whole(out.absolute()) as file:
        for count, line in enumerate(_lines(wanted, as_csv=as_csv), start=1):  # noqa: B007 - how many there were
            file.write(line)
    entries = count - 1 if as_csv else count
    click.echo(f"wrote {out}: {many(entries, 'entry', 'entries')}{'' if entries else ': the ledger has none such'}")


def _lines(wanted: "Iterable[Kept]", *, as_csv: bool) -> Iterator[bytes]:
    if not as_csv:
        return (one.data + b"\n" for one in wanted)
    return map(_csv(), chain([(*COLUMNS, *PROOF)], map(_cells, wanted)))


def _cells(kept: "Kept") -> tuple[str, ...]:
    entry = decode(kept)
    fact = entry.fact
    more = {
        "number": entry.number,
        "build": fact.build or "",
        "details": digest.canonical_json(fact.details).decode() if fact.details else "",
        "holds": " ".join(fact.holds),
    }
    told = (str(more.get(name, getattr(fact, name, ""))) for name in COLUMNS)
    return *map(_inert, told), entry.previous, digest.of_bytes(kept.data)


def _inert(cell: str) -> str:
    """What a spreadsheet would compute is text to it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _csv() -> Callable[[Iterable[str]], bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")

    def line(cells: Iterable[str]) -> bytes:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue().encode(errors="surrogateescape")

    return line
