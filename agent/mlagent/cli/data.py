"""`mlagent data schema infer | profile | changed`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli.app import App
from mlagent.cli.options import out_option

if TYPE_CHECKING:
    from mlagent.core.context import DataFile


@click.group()
def data() -> None:
    """Look at rows: write a first schema, show them on a page, ask whether they changed."""


@data.group()
def schema() -> None:
    """What the rows must be."""


@schema.command()
@click.argument("source")
@out_option("Write the schema to this file, which must not be there yet.")
@click.pass_obj
def infer(app: App, source: str, out: Path | None) -> None:
    """Print a first schema, with comments, that the rows of SOURCE (a file, folder, glob or URL) pass."""
    from mlagent.core.files import write_whole
    from mlagent.data.infer import look, write
    from mlagent.errors import InputError

    if out and out.exists():
        raise InputError(f"{out} is already there", hint="write to another file and compare, or remove it first")
    text = write(look(_files(app, source)), source)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out.absolute(), text.encode())
        click.echo(f"wrote {out}; name it in mlpipeline.yaml: data.schema")


@data.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: changed, the digest now, and the digest and run before."
)
@click.pass_obj
def changed(app: App, *, as_json: bool) -> None:
    """Say whether the rows differ from those that were judged last; exit 0 either way, so that a trigger can ask."""
    import msgspec

    from mlagent.engine.workspace import open_home

    workspace = app.workspace()
    open_home(workspace.home)
    now, before = workspace.dataset.digest(), workspace.judged_last("validate-data")
    differ = before is None or before.facts["data"] != now
    if as_json:
        said = {
            "changed": differ,
            "data": now,
            "before": before and before.facts["data"],
            "run": before and before.run_id,
        }
        click.echo(msgspec.json.encode(said).decode())
    else:
        click.echo("changed" if differ else "unchanged")


@data.command()
@click.argument("source")
@out_option("The page's file.", default="profile.html")
@click.pass_obj
def profile(app: App, source: str, out: Path) -> None:
    """Write a page that shows the rows of SOURCE (a file, folder, glob or URL), column by column, with plots.

    Where mlpipeline.yaml names a schema, its sensitive columns are not shown.
    """
    from datetime import UTC, datetime

    from mlagent.core.files import write_whole
    from mlagent.data import page, schema_file
    from mlagent.data.infer import loose
    from mlagent.data.scan import Scanner

    files = _files(app, source)
    seen = loose(files)
    named = app.settings().sections["data"].schema if (app.project / app.file).exists() else None
    if named:
        hidden = schema_file.load(app.project / named, named).sensitive
        seen = seen.hiding(hidden)
    scanned = Scanner(seen, datetime.now(UTC)).scan(files)
    write_whole(out.absolute(), page.page(source, scanned.rows, scanned.sample, seen).encode())
    click.echo(f"wrote {out}: {scanned.rows} rows, {len(seen.columns)} columns")


def _files(app: App, source: str) -> "tuple[DataFile, ...]":
    from mlagent.config.sections import Data
    from mlagent.engine.dataset import Dataset

    return Dataset(app.project, Data(path=source, target="-"), app.project / ".mlagent" / "data").files()
