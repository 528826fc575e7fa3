"""`mlagent report`: one page of a run, for those who decide, audit and build."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli.app import App
from mlagent.cli.options import out_option

if TYPE_CHECKING:
    from mlagent.engine.record import RunRecord
    from mlagent.engine.workspace import Workspace

FILE = "report.html"


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@out_option(f"The page (default: {FILE} in the run's folder).")
@click.pass_obj
def report(app: App, run_id: str | None, out: Path | None) -> None:
    """Write one page of a run (default: the one begun last): how it ended and why, every verdict, figure and plot.

    One file without scripts that needs nothing else: open it, or archive it in Jenkins (agent/docs/report.md).
    """
    workspace = app.workspace()
    record = workspace.named(run_id)
    click.echo(f"wrote {write(app, workspace, record, out)}")


def write(app: App, workspace: "Workspace", record: "RunRecord", out: Path | None = None) -> Path:
    """Write the page, whole or not at all; ConfigError (3) without numpy, OSError as the system raises it."""
    from mlagent.core.files import write_whole

    data = html(app, workspace, record)
    path = (out or workspace.run_folder(record.run_id) / FILE).absolute()
    if out is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
    return path


def html(app: App, workspace: "Workspace", record: "RunRecord") -> bytes:
    """The page, without a secret in it; ConfigError (3) without numpy."""
    import msgspec

    from mlagent.config.redact import Redactor
    from mlagent.engine.record import RunRecord, masked
    from mlagent.errors import missing_package

    try:
        from mlagent.engine.reporting import gather
        from mlagent.report.page import page
    except ModuleNotFoundError as error:
        raise missing_package(error.name or "numpy", "control") from error
    shown = msgspec.convert(masked(record, app.redactor or Redactor()), RunRecord)
    return app.mask(page(gather(workspace, shown))).encode()
