"""A section's fields as click options: the same declaration, so the same words, bounds and defaults."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from mlagent.config.fields import Field, fields_of
from mlagent.config.load import Flag


def options(section: str, struct: type[msgspec.Struct]) -> list[click.Option]:
    """One option a field; values stay text here, and are checked where all sources are."""
    return [_option(field) for field in fields_of(section, struct)]


def given(section: str, values: Mapping[str, Any]) -> list[Flag]:
    """What stood on the command line, as flags of the section."""
    return [
        Flag(
            f"{section}.{name}", str(value).lower() if isinstance(value, bool) else value, f"--{name.replace('_', '-')}"
        )
        for name, value in values.items()
        if value is not None
    ]


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--set KEY=VALUE`, as often as wanted, for any key of any section."""
    return click.option(
        "--set", "sets", metavar="KEY=VALUE", multiple=True, help="Set any configuration key, e.g. train.epochs=3."
    )(command)


def out_option(about: str, default: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--out FILE`, refused before anything is done where its folder is not there."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option("--out", type=kind, callback=_in_a_folder, default=default, show_default=True, help=about)


def _in_a_folder(_ctx: click.Context, _option: click.Parameter, out: Path | None) -> Path | None:
    if out and not out.absolute().parent.is_dir():
        message = f"--out {out}: there is no folder {out.parent}"
        raise click.UsageError(message, ctx=click.get_current_context())
    return out


def parse_sets(sets: Sequence[str]) -> list[Flag]:
    """Split the texts of `--set`."""
    flags = []
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            message = f"--set {text}: expected KEY=VALUE, e.g. --set train.epochs=3"
            raise click.UsageError(message, ctx=click.get_current_context())
        flags.append(Flag(key.strip(), value, f"--set {key.strip()}"))
    return flags


def _option(field: Field) -> click.Option:
    text = f"{field.about} [{field.expects}]"
    if field.plain_type is bool:
        return click.Option([f"{field.flag}/--no-{field.flag[2:]}"], default=None, help=text)
    return click.Option([field.flag], default=None, help=text, metavar=field.name.upper())
