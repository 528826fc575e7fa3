"""`mlagent load-test --url URL`: any server under load, without a project; `mlagent load-worker` helps another one."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlagent.cli.app import App
from mlagent.cli.options import given, parse_sets
from mlagent.errors import UsageError
from mlagent.loadtest import orders

if TYPE_CHECKING:
    from mlagent.core.context import Outputs
    from mlagent.stages.load_test.foreign import Wish
    from mlagent.stages.load_test.settings import Config

SECTION, PREFIX, FOLDER = "load-test", "MLAGENT_LOAD_TEST_", "load-test"
_LEFT = (
    "error.json", "verdict.json", "capacity.json", "latency.json", "latency.hlog", "result.json", "samples.npy",
    "locust.html", "progress.json",
)  # fmt: skip
_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.Option(["--url"], help="Load this server instead of a run's: any that speaks the Open Inference Protocol."),
    click.Option(["--model"], help="With --url: the model's name; not needed where there is one alone."),
    click.Option(["--body"], type=_FILE, help="With --url: a file of JSON to send; --golden FILE: golden rows."),
    click.Option(["--token-file"], type=_FILE, help="With --url: a file that holds the bearer token."),
    click.Option(["--allow-host"], multiple=True, metavar="HOST", help="With --url: another machine, which is yours."),
    click.Option(
        ["--output"], type=click.Path(path_type=Path, file_okay=False), help="With --url: where files go [./load-test]."
    ),
)


def extend(command: click.Command) -> click.Command:
    """The stage's command, which with --url needs no project."""
    of_stage: Callable[..., Any] | None = command.callback

    @click.pass_obj
    def callback(app: App, /, **values: Any) -> None:  # noqa: ANN401 - the options of the stage
        mine = {str(one.name): values.pop(str(one.name)) for one in _OPTIONS}
        if mine["url"] is not None:
            _test(app, mine, values)
            return
        lonely = [name for name, value in mine.items() if value]
        if lonely:
            flag = f"--{lonely[0].replace('_', '-')}"
            raise UsageError(f"{flag} goes with --url", hint="without --url the run's own model is served and tested")
        if of_stage:
            of_stage(**values)

    command.callback = callback
    command.params = [*_OPTIONS, *command.params]
    return command


def _test(app: App, mine: dict[str, Any], values: dict[str, Any]) -> None:
    """Load, print, leave the files; ends as the stage does."""
    from mlagent.engine.child import LocalChildren
    from mlagent.report import table
    from mlagent.stages.load_test import foreign

    if values.pop("force", False):
        raise UsageError("--force goes without --url", hint="a server is asked anew each time")
    golden = values.pop("golden", None)
    config = _config(app, values)
    wish = _wish(mine, golden)
    foreign.checked(wish.url, wish.hosts)
    work = _folder(app, mine["output"] or Path(FOLDER))
    log = app.log()
    found: Outputs = foreign.run(config, wish, work, LocalChildren(Path.cwd(), [], log), log)
    (verdict,) = found.verdicts
    click.echo("\n" + table.verdicts([(SECTION, verdict)]))
    click.echo(f"\n{found.summary}\nkept in {work}")
    verdict.raise_unless_pass(found.hint)


def _config(app: App, values: dict[str, Any]) -> "Config":
    """The keys of the stage: flags, MLAGENT_LOAD_TEST_… variables, defaults; a project's file is not read."""
    from mlagent.config.load import load
    from mlagent.stages.load_test.settings import Config

    sets = parse_sets(values.pop("sets"))
    flags = [*given(SECTION, values), *sets]
    environ = {name: text for name, text in app.environ.items() if name.startswith(PREFIX)}
    found: Config = load({SECTION: Config}, Path.cwd(), environ, flags, "options", needed=False).sections[SECTION]
    return found


def _wish(mine: dict[str, Any], golden: str | None) -> "Wish":
    from mlagent.stages.load_test.foreign import Wish

    if golden is not None and mine["body"]:
        raise UsageError("--golden and --body say both what is sent", hint="give one of them")
    return Wish(
        url=mine["url"],
        model=mine["model"],
        golden=Path(golden) if golden is not None else None,
        body=mine["body"],
        token_file=mine["token_file"],
        hosts=tuple(mine["allow_host"]),
    )


def _folder(app: App, output: Path) -> Path:
    work = output.absolute()
    work.mkdir(parents=True, exist_ok=True)
    for name in _LEFT:  # what an earlier load left must not stand for one that is cut off
        (work / name).unlink(missing_ok=True)
    app.error_homes.append(work)
    return work


@click.command()
@click.option("--master", metavar="HOST:PORT", required=True, help="Where the load test waits for its workers.")
@click.option("--token-file", type=_FILE, help="A file here that holds the bearer token, where servers want one.")
@click.option(
    "--wait-seconds",
    type=click.IntRange(1, orders.MOST_WAIT_SECONDS),
    default=orders.WAIT_SECONDS,
    show_default=True,
    help="How long the load test may take to be there.",
)
def load_worker(master: str, token_file: Path | None, wait_seconds: int) -> None:
    """Help a load test that runs on another machine, once: ask as many users' requests as it hands over.

    The load test is given `--workers` (how many help), and `--workers-bind` (the address at which it is reached).
    """
    host, colon, port = master.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise UsageError(f"--master {master!r} is not HOST:PORT", hint="as the load test says it: 10.0.0.5:5557")
    click.echo(f"waiting up to {wait_seconds} s for the load test at {master}", err=True)
    command = [sys.executable, "-m", "mlagent.loadtest", "worker", "--master", master]
    command += ["--wait-seconds", str(wait_seconds)]
    command += ["--token-file", str(token_file)] if token_file else []
    os.execv(command[0], command)  # noqa: S606 - our own Python; signals reach it directly
