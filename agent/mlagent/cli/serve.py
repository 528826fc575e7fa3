"""`mlagent serve`: a run's model behind HTTP on this machine, to be tried."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from mlagent.cli.app import App

if TYPE_CHECKING:
    from mlagent.engine.served import Served

PORT = click.IntRange(0, 65535)
GATE = {
    "passed": ("the gate has passed this model", "green"),
    "failed": ("the gate has FAILED this model: it must not ship", "red"),
    "not judged": ("the gate has not judged this model: `mlagent run --until gate` does", "yellow"),
}


@click.command()
@click.argument("run_id", required=False)
@click.option("--port", type=PORT, default=8000, show_default=True, help="Where it answers; 0 takes a free one.")
@click.option("--metrics-port", type=PORT, default=8001, show_default=True, help="Health and metrics; 0 as above.")
@click.pass_obj
def serve(app: App, run_id: str | None, port: int, metrics_port: int) -> None:
    """Serve the exported model of a run (default: the one begun last) on 127.0.0.1, until Ctrl-C."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from mlagent.engine import served
    from mlagent.engine.child import LocalChildren
    from mlagent.errors import InfrastructureError, Interrupted

    workspace = app.workspace()
    found = served.find(workspace, run_id)
    said, colour = GATE[found.judged]
    click.echo(click.style(f"run {found.run_id}: {said}", fg=colour), err=True)
    arguments = ["--model", str(found.model), "--signature", str(found.signature), "--name", found.name]
    arguments += ["--port", str(port), "--metrics-port", str(metrics_port)]
    arguments += workspace.settings.sections["serving"].options()
    children = LocalChildren(workspace.project, workspace.settings.secrets(), app.log())
    try:
        with TemporaryDirectory(prefix="mlagent-serve-") as folder:
            ready = Path(folder) / "server.json"
            status = children.attend("mlagent.serving", arguments, ready, lambda urls: _tell(found, urls))
    except Interrupted:
        click.echo("stopped: what was in flight has been answered", err=True)
    else:
        raise InfrastructureError(f"the server ended by itself, with status {status}", hint="its output is above")


def _tell(found: "Served", urls: Mapping[str, str]) -> None:
    import msgspec

    from mlagent.engine.served import example

    row = msgspec.json.encode({"rows": [example(found.signature)]}).decode()
    click.echo(f"serving {found.name} at {urls['url']} (metrics: {urls['metrics_url']}/metrics); Ctrl-C ends it")
    click.echo(f"curl -s {urls['url']}/predict -H 'content-type: application/json' -d {shlex.quote(row)}")
