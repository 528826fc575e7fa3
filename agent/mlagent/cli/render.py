"""`mlagent render`: for those who change mlagent itself."""

from pathlib import Path

import click


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a view is stale.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="mlagent's repository.",
)
def render(*, check: bool, root: Path) -> None:
    """Write the views derived from the catalog: stage pages, error page, schema, stages.json."""
    from mlagent.errors import InputError
    from mlagent.render.views import stale, views, write

    if not (root / "agent" / "mlagent").is_dir():
        raise InputError(f"{root.resolve()} is not mlagent's repository", hint="name it with --root")
    old = stale(root, views())
    if check and old:
        raise InputError(f"stale: {', '.join(old)}", hint="run `make render` and commit what it writes")
    if not check:
        write(root, views(), old)
    click.echo(f"{len(views())} views, {len(old)} {'stale' if check else 'written'}")
