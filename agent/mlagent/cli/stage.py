"""The command of a stage, made from its declaration."""

from typing import Any

import click

from mlagent.cli.app import App
from mlagent.cli.options import given, options, parse_sets
from mlagent.cli.run import execute
from mlagent.core.stage import EFFECTS, Stage


def command(stage: Stage) -> click.Command:
    """Build `mlagent STAGE`: this stage alone, on what those before it made from the same source, data and config."""

    @click.pass_obj
    def callback(app: App, /, **values: Any) -> None:  # noqa: ANN401 - the options of any stage
        asked = frozenset(name for name in stage.switches if values.pop(name))
        sets, force = values.pop("sets"), [stage.name] if values.pop("force") or asked else []
        flags = [*given(stage.name, values), *parse_sets(sets)]
        execute(app, flags, start=stage.name, until=stage.name, force=force, asked=asked)

    force = click.Option(["--force"], is_flag=True, help="Run though the result is known.")
    sets = click.Option(["--set", "sets"], metavar="KEY=VALUE", multiple=True, help="Set any other configuration key.")
    about = f"{stage.title}.\n\n{stage.about}\n\nEffect: {stage.effect} ({EFFECTS[stage.effect]})."
    switches = [click.Option([f"--{name}"], is_flag=True, help=text) for name, text in stage.switches.items()]
    params: list[click.Parameter] = [*options(stage.name, stage.config), *switches, force, sets]
    return click.Command(stage.name, callback=callback, params=params, help=about)
