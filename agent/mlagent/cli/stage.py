"""The command of a stage, made from its declaration; one for all environments where it acts in several."""

from collections.abc import Sequence
from typing import Any

import click

from mlagent.cli.app import App
from mlagent.cli.options import given, options, parse_sets
from mlagent.cli.run import execute
from mlagent.core.stage import EFFECTS, Stage


def command(stages: Sequence[Stage]) -> click.Command:
    """Build `mlagent STAGE`: this stage alone, on what those before it made from the same source, data and config."""
    by_environment = {stage.environment: stage for stage in stages}
    first = stages[0]

    @click.pass_obj
    def callback(app: App, /, **values: Any) -> None:  # noqa: ANN401 - the options of any stage
        stage = by_environment[values.pop("env", "")]
        asked = frozenset(name for name in stage.switches if values.pop(name.replace("-", "_")))
        sets, force = values.pop("sets"), [stage.name] if values.pop("force", False) or asked else []
        looks = [name for name in stage.looks if values.pop(name.replace("-", "_"))]
        flags = [*given(stage.settings, values), *parse_sets(sets)]
        if looks:
            from mlagent.cli.manifests import look

            look(app, flags, stage, looks)
            return
        execute(app, flags, start=stage.name, until=stage.name, force=force, asked=asked)

    sets = click.Option(["--set", "sets"], metavar="KEY=VALUE", multiple=True, help="Set any other configuration key.")
    about = f"{first.title}.\n\n{first.about}\n\nEffect: {first.effect} ({EFFECTS[first.effect]})."
    switches = [
        click.Option([f"--{name}"], is_flag=True, help=text) for name, text in {**first.switches, **first.looks}.items()
    ]
    params: list[click.Parameter] = [*_which(by_environment), *options(first.settings, first.config), *switches, sets]
    return click.Command(first.verb, callback=callback, params=params, help=about)


def _which(by_environment: dict[str, Stage]) -> list[click.Parameter]:
    """In which environment; what acts in one asks it anew each time, so nothing is to be forced there."""
    if "" in by_environment:
        return [click.Option(["--force"], is_flag=True, help="Run though the result is known.")]
    return [click.Option(["--env"], type=click.Choice(list(by_environment)), required=True, help="Where.")]
