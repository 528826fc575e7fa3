"""The command of a stage, made from its declaration."""

from typing import TYPE_CHECKING, Any

import click

from mlagent.cli.app import App
from mlagent.cli.options import given, options, parse_sets
from mlagent.cli.run import finish, start
from mlagent.core.stage import EFFECTS, Stage

if TYPE_CHECKING:
    from mlagent.engine.record import RunRecord
    from mlagent.engine.workspace import Workspace


def command(stage: Stage) -> click.Command:
    """Build `mlagent STAGE`: it runs on the outputs of the newest run, or of the run that is named."""

    @click.pass_obj
    def callback(app: App, /, **values: Any) -> None:  # noqa: ANN401 - the options of any stage
        run_id, sets = values.pop("run_id"), values.pop("sets")
        workspace = app.workspace([*given(stage.name, values), *parse_sets(sets)])
        run = _record(workspace, stage, run_id)
        runner = start(app, workspace, run)
        try:
            for name in workspace.changed(run):
                runner.log.warning(f"the {name} has changed since run {run.run_id} began; `mlagent run` uses it")
            runner.run_one(stage)
        finally:
            finish(app, run)

    which = click.Option(["--run", "run_id"], metavar="ID", help="The run to work on (default: the newest).")
    sets = click.Option(["--set", "sets"], metavar="KEY=VALUE", multiple=True, help="Set any other configuration key.")
    about = f"{stage.title}.\n\n{stage.about}\n\nEffect: {stage.effect} ({EFFECTS[stage.effect]})."
    params: list[click.Parameter] = [*options(stage.name, stage.config), which, sets]
    return click.Command(stage.name, callback=callback, params=params, help=about)


def _record(workspace: "Workspace", stage: Stage, run_id: str | None) -> "RunRecord":
    if not run_id and not stage.reads:
        return workspace.begin(fresh=False)
    run = workspace.named(run_id) if run_id else workspace.newest()
    run.attempt += 1
    return run
