"""From arguments to an exit status: every end is an error of the tree, printed for people and kept as error.json."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from mlagent import __version__
from mlagent.cli.app import App
from mlagent.cli.group import Cli
from mlagent.core import interrupt
from mlagent.errors import Asks, Bug, Held, InfrastructureError, Interrupted, MlagentError, Stopped, UsageError

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOG_FORMATS = ("auto", "text", "lines", "json")


@click.group(
    cls=Cli,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Take a commit and its data to a model that is checked, gated, load-tested, signed, and serves in production.",
)
@click.option(
    "--project",
    type=click.Path(file_okay=False),
    default=".",
    help="The project's folder (default: this one).",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    envvar="MLPIPELINE_CONFIG",
    help="Its configuration, where that is another file than mlpipeline.yaml; its folder is the project's.",
)
@click.option(
    "--log",
    type=click.Choice(LOG_FORMATS),
    default="auto",
    help="How to speak; auto is text on a terminal, timestamped lines elsewhere.",
)
@click.version_option(__version__, prog_name="mlagent", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, project: str, config: str | None, log: str) -> None:
    """Carry the global options to the command."""
    ctx.obj.folder, ctx.obj.config, ctx.obj.log_format = project, config, log


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with the code of the table in `mlagent.errors`."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable
    app = App(os.environ)
    try:
        cli.main(args=None if args is None else list(args), prog_name="mlagent", standalone_mode=False, obj=app)
        if sys.stdout:  # None where standard output was closed before we began
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # the reader went away (`| head`); click turns some of these into an exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except BaseException as raised:  # noqa: BLE001 - whatever it is, it ends as an error of the tree
        error = _as_error(raised)
        _say(error, raised, app)
        sys.exit(error.code)
    _tell({"exit_code": 0, "message": "", "hint": ""}, app)
    sys.exit(0)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for one in SIGNALS:  # what is being cleaned up now is bounded in time; a second Ctrl-C must not cut it short
        signal.signal(one, signal.SIG_IGN)
    interrupt.arrived(number)
    raise Interrupted(number)


def _unraisable(what: "sys.UnraisableHookArgs") -> None:
    """Say nothing of a signal whose exception Python dropped: `interrupt.check` raises it again."""
    if not isinstance(what.exc_value, Interrupted):
        sys.__unraisablehook__(what)


def _as_error(raised: BaseException) -> MlagentError:
    if isinstance(raised, MlagentError):
        return raised
    if isinstance(raised, Interrupted):
        return Stopped(raised.signal_number)
    if isinstance(raised, KeyboardInterrupt | click.Abort):
        return Stopped(signal.SIGINT)
    if isinstance(raised, click.ClickException):
        context = raised.ctx if isinstance(raised, click.UsageError) else None
        command = context.command_path if context else "mlagent"
        return UsageError(raised.format_message().rstrip("."), hint=f"`{command} --help` lists what it takes")
    if isinstance(raised, OSError):
        where = f" ({raised.filename})" if raised.filename else ""
        return InfrastructureError(
            f"the system said: {raised.strerror or raised}{where}",
            hint="a full disk, a read-only or missing folder; mend it and give the same command again",
        )
    return Bug(
        f"a bug in mlagent: {type(raised).__name__}: {raised}",
        hint="please report it with the text above; `--log json` adds nothing secret",
    )


def _say(error: MlagentError, raised: BaseException, app: App) -> None:
    message, hint = _printable(app.mask(error.message)), _printable(app.mask(error.hint))
    with suppress(OSError):  # standard error may be closed or full: error.json still says it
        if isinstance(error, Bug):
            import traceback

            click.echo(app.mask("".join(traceback.format_exception(raised))), err=True)
        click.echo(click.style(f"Error: {message}", fg="red"), err=True)
        if hint:
            click.echo(f"Hint: {hint}", err=True)
    _keep(error, message, hint, app.error_homes)
    again = {"wait_seconds": round(error.seconds)} if isinstance(error, Held) and error.seconds else {}
    asks = {"ask": error.question} if isinstance(error, Asks) else {}
    _tell({"exit_code": error.code, "message": message, "hint": hint, **again, **asks}, app)


def _printable(text: str) -> str:
    """A registry's or another program's words may hold what a terminal obeys."""
    return "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)


def _tell(end: "Mapping[str, object]", app: App) -> None:
    """Say how it ended in the file that MLPIPELINE_SAID names, for the courier that started this command."""
    path = app.environ.get("MLPIPELINE_SAID")
    if not path:
        return
    from pathlib import Path

    import msgspec

    from mlagent.core.files import write_whole

    with suppress(OSError):  # the exit status says the most important
        write_whole(Path(path), msgspec.json.encode({**app.said, **end}))


def _keep(error: MlagentError, message: str, hint: str, homes: "Sequence[Path]") -> None:
    """Leave error.json where Jenkins looks, as well as the disk allows."""
    import msgspec

    from mlagent.core.files import write_whole
    from mlagent.engine.workspace import open_home

    fields = {"exit_code": error.code, "category": error.category, "retryable": error.retryable}
    data = msgspec.json.format(msgspec.json.encode({**fields, "message": message, "hint": hint})) + b"\n"
    for home in homes:
        try:
            if home.name == ".mlagent":
                open_home(home)
            write_whole(home / "error.json", data)
        except (OSError, MlagentError) as failed:
            with suppress(OSError):
                click.echo(f"(error.json could not be written: {failed})", err=True)
