"""`mlagent render`: for those who change mlagent itself."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--pins",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="WHEELHOUSE",
    help="Only pin the wheels of this folder for the bootstrap (`make wheelhouse` fills it).",
)
@click.option("--extras", default="", help="With --pins: the extras of mlagent that the wheels are for.")
@click.option("--check", is_flag=True, help="Write nothing; fail when a view is stale.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="mlagent's repository.",
)
def render(*, check: bool, root: Path, pins: Path | None, extras: str) -> None:
    """Write the views derived from the catalog: stage pages, error page, schema, stages.json."""
    from mlagent.errors import InputError
    from mlagent.render.views import stale, views, write

    if not (root / "agent" / "mlagent").is_dir():
        raise InputError(f"{root.resolve()} is not mlagent's repository", hint="name it with --root")
    if pins:
        _pin(root, pins, extras, check=check)
        return
    old = stale(root, views())
    if check and old:
        raise InputError(f"stale: {', '.join(old)}", hint="run `make render` and commit what it writes")
    if not check:
        write(root, views(), old)
    click.echo(f"{len(views())} views, {len(old)} {'stale' if check else 'written'}")


def _pin(root: Path, wheelhouse: Path, extras: str, *, check: bool) -> None:
    from mlagent.core.files import write_whole
    from mlagent.errors import InputError
    from mlagent.render.pins import FILE, pins

    text = pins(wheelhouse, extras)
    fresh = (root / FILE).is_file() and (root / FILE).read_text() == text
    if check and not fresh:
        raise InputError(f"{FILE} pins other files", hint="run `make wheelhouse` and commit what it writes")
    if not fresh:
        write_whole(root / FILE, text.encode())
    click.echo(f"{FILE} {'was right' if fresh else 'written'}")
