"""`mlagent jenkins trigger | status | logs | wait | sync`: what a person or a program asks of the controller."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option
from mlagent.errors import (
    Aborted,
    GateRefused,
    Held,
    Inconclusive,
    Interrupted,
    MlagentError,
    Stopped,
    UsageError,
    missing_package,
)

if TYPE_CHECKING:
    from mlagent.adapters.jenkins.builds import Build
    from mlagent.adapters.jenkins.controller import Controller

NUMBER = click.argument("build", type=click.IntRange(min=1), required=False)
JOB = click.option("--job", help="Another job than the project's, with its folders (models/risk/main).")


@click.group()
def jenkins() -> None:
    """Start, follow and set up the project's job on the controller of `jenkins.url`."""


@jenkins.command()
@JOB
@click.option("--reason", default="by hand", show_default=True, help="Why: kept in the run's record.")
@click.option("--param", "params", metavar="KEY=VALUE", multiple=True, help="A parameter of the job; never a secret.")
@click.option("--wait", is_flag=True, help="Wait for its end, as `mlagent jenkins wait` does.")
@click.pass_obj
def trigger(app: App, job: str | None, reason: str, params: tuple[str, ...], *, wait: bool) -> None:
    """Start a build (a retrain is a build with a reason), once, and say its number."""
    given = {"reason": reason, **_pairs(params)}
    with _opened(app) as controller:
        from mlagent.adapters.jenkins import builds

        name = job or _job(app)
        item = builds.start(controller, name, given)
        click.echo(f"{name}: in the queue (item {item})")
        try:
            build = builds.look(controller, name, builds.number_of(controller, name, item))
            click.echo(app.mask(f"{name} #{build.number} has begun: {build.url}"))
            if wait:
                _wait(app, controller, build)
        except Interrupted as stopped:
            hint = "the build goes on without this command; `mlagent jenkins wait` waits for it again"
            raise Stopped(stopped.signal_number, hint) from None


@jenkins.command()
@JOB
@NUMBER
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def status(app: App, job: str | None, build: int | None, *, as_json: bool) -> None:
    """Say how a build stands (default: the last one), and what it waits for."""
    import msgspec

    from mlagent.report.table import table

    with _opened(app) as controller:
        from mlagent.adapters.jenkins import builds

        found = builds.look(controller, job or _job(app), build)
        asked = [] if found.result else builds.questions(controller, found)
    if as_json:
        told = {**msgspec.to_builtins(found), "questions": [_question(one) for one in asked]}
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(told)).decode()))
        return
    rows = [
        ("build", f"{found.job} #{found.number}"),
        ("result", found.result or ("waits for an answer" if asked else "runs")),
        ("begun by", "; ".join(found.causes)),
        *((f"parameter {name}", value) for name, value in found.parameters.items()),
        *(("asks", f"{one['message']} ({one['id']})") for one in map(_question, asked)),
        ("seconds", f"{found.duration / 1000:.0f}" if found.result else ""),
        ("says", found.description),
        ("page", found.url),
    ]
    click.echo(app.mask(table(("what", "is"), [row for row in rows if row[1]])))


@jenkins.command()
@JOB
@NUMBER
@click.option("--follow", is_flag=True, help="Go on until the build has ended.")
@click.pass_obj
def logs(app: App, job: str | None, build: int | None, *, follow: bool) -> None:
    """Print what a build says (default: the last one)."""
    with _opened(app) as controller:
        from mlagent.adapters.jenkins import builds

        for line in builds.lines(controller, builds.look(controller, job or _job(app), build), follow=follow):
            click.echo(app.mask(line))


@jenkins.command()
@JOB
@NUMBER
@click.pass_obj
def wait(app: App, job: str | None, build: int | None) -> None:
    """Wait for a build's end: exit 0 SUCCESS, 10 FAILURE, 11 UNSTABLE, 21 NOT_BUILT (superseded), 130 ABORTED."""
    with _opened(app) as controller:
        from mlagent.adapters.jenkins import builds

        _wait(app, controller, builds.look(controller, job or _job(app), build))


@jenkins.command()
@set_option
@click.option("--apply", "apply_", is_flag=True, help="Do it; without it, only show.")
@click.pass_obj
def sync(app: App, sets: tuple[str, ...], *, apply_: bool) -> None:
    """Show what the job on the controller lacks of mlpipeline.yaml, as a diff, and with --apply bring it there."""
    with _opened(app, sets) as controller:
        from mlagent.adapters.jenkins import sync as syncing

        settings = app.settings(parse_sets(sets))
        found = syncing.changes(controller, settings.sections["jenkins"], settings.sections["project"].name)
        for change in found:
            if not change.diff:
                click.echo(f"{change.job}: as it should be")
                continue
            click.echo(app.mask(change.diff))
            if apply_:
                syncing.apply(controller, change)
                click.echo(f"{change.job}: {'made' if change.new else 'changed'}")
    if any(change.diff for change in found) and not apply_:
        click.echo("nothing was changed: say --apply to do it")


@contextmanager
def _opened(app: App, sets: tuple[str, ...] = ()) -> "Iterator[Controller]":
    """The controller of the configuration, with whatever goes wrong as an error of the tree."""
    import time

    settings = app.settings(parse_sets(sets)).sections["jenkins"]
    try:
        from mlagent.adapters.jenkins.controller import Controller
    except ImportError as error:
        raise missing_package("python-jenkins", "jenkins") from error
    with Controller(settings, time.sleep, app.log().warning) as controller:
        yield controller


def _job(app: App) -> str:
    from mlagent.adapters.jenkins import jobs

    sections = app.settings().sections
    return jobs.built(sections["jenkins"], sections["project"].name)


def _pairs(params: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in params]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise UsageError(f"--param {name}: expected KEY=VALUE", hint="e.g. --param reason=drift")
    return {name: value for name, _, value in pairs}


def _wait(app: App, controller: "Controller", build: "Build") -> None:
    from mlagent.adapters.jenkins import builds

    def asked(question: Mapping[str, Any]) -> None:
        one = _question(question)
        click.echo(
            app.mask(f"{build.job} #{build.number} asks: {one['message']} ({one['id']}); answer at {build.url}input")
        )

    ended = builds.end_of(controller, build, asked)
    said = f"{ended.job} #{ended.number}: {ended.result}" + (f", {ended.description}" if ended.description else "")
    if ended.result != "SUCCESS":
        raise _end(ended, said)
    click.echo(app.mask(said))


def _end(build: "Build", said: str) -> MlagentError:
    hint = f"`mlagent jenkins logs {build.number}` shows what it said, or its page: {build.url}"
    if build.result == "ABORTED":
        return Aborted(said, hint)
    kinds: dict[str, type[MlagentError]] = {"UNSTABLE": Inconclusive, "NOT_BUILT": Held}
    return kinds.get(build.result, GateRefused)(said, hint=hint)


def _question(one: Mapping[str, Any]) -> dict[str, str]:
    return {"id": one["id"], "message": one.get("message") or "an answer"}
