"""`mlagent approvals list | show | approve | reject`: what waits for a person's answer, from anywhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from mlagent.cli import platform
from mlagent.cli.app import App
from mlagent.cli.options import parse_sets, set_option
from mlagent.errors import ConfigError, InputError, UsageError, missing_package

if TYPE_CHECKING:
    from mlagent.adapters.jenkins.controller import Controller
    from mlagent.adapters.jenkins.inputs import Pending
    from mlagent.adapters.local.approvals import LocalApprovals
    from mlagent.config.jenkins import Jenkins
    from mlagent.config.load import Settings
    from mlagent.core.ports.approvals import Outcome, Question

SECTIONS = ("jenkins",)
JOB = click.option("--job", help="Another job than the project's, with its folders (models/risk/main).")
ID = click.argument("name", metavar="[ID]", required=False)
COMMENT = click.option("--comment", default="", help="Why: an override must say it.")
UNKEPT = "Jenkins keeps no comment of a rejection: tell the others yourself"


class Waits(NamedTuple):
    """One that waits: as it is called here, about what, who may answer, until when and where.

    `answer(approve=…, comment=…)` answers it.
    """

    id: str
    message: str
    approvers: tuple[str, ...]
    expires: str
    where: str
    answer: "Callable[..., None]"


@click.group()
def approvals() -> None:
    """Say what waits for an answer: in Jenkins (jenkins.url, with your own user and token), and in the store."""


@approvals.command("list")
@JOB
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@set_option
@click.pass_obj
def list_(app: App, job: str | None, sets: tuple[str, ...], *, as_json: bool) -> None:
    """Say what waits, and who may answer."""
    import msgspec

    from mlagent.report.table import table

    with _waiting(app, job, sets) as found:
        if as_json:
            told = [_told(one) for one in found]
            click.echo(app.mask(msgspec.json.format(msgspec.json.encode(told)).decode()))
        elif found:
            rows = [(one.id, one.where, ", ".join(one.approvers) or "anybody", _first(one)) for one in found]
            click.echo(app.mask(table(("id", "where", "may answer", "asks"), rows)))
        else:
            click.echo("nothing waits for an answer")


@approvals.command()
@ID
@JOB
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@set_option
@click.pass_obj
def show(app: App, name: str | None, job: str | None, sets: tuple[str, ...], *, as_json: bool) -> None:
    """Print all that ID (default: the one that waits) asks."""
    import msgspec

    with _waiting(app, job, sets) as found:
        one = _named(found, name)
        if as_json:
            click.echo(app.mask(msgspec.json.format(msgspec.json.encode(_told(one))).decode()))
            return
        click.echo(_plain(app.mask(one.message)))
        click.echo(app.mask(f"\n{one.id} waits at {one.where} for {', '.join(one.approvers) or 'anybody'}"))


@approvals.command()
@ID
@COMMENT
@JOB
@set_option
@click.pass_obj
def approve(app: App, name: str | None, comment: str, job: str | None, sets: tuple[str, ...]) -> None:
    """Approve ID (default: the one that waits). Whether it counts, the stage `approve` says that reads it back."""
    _answer(app, name, job, sets, comment, approve=True)


@approvals.command()
@ID
@COMMENT
@JOB
@set_option
@click.pass_obj
def reject(app: App, name: str | None, comment: str, job: str | None, sets: tuple[str, ...]) -> None:
    """Reject ID (default: the one that waits)."""
    _answer(app, name, job, sets, comment, approve=False)


def _answer(app: App, name: str | None, job: str | None, sets: tuple[str, ...], comment: str, *, approve: bool) -> None:
    with _waiting(app, job, sets) as found:
        one = _named(found, name)
        one.answer(approve=approve, comment=comment)
        click.echo(app.mask(f"{'approved' if approve else 'rejected'} {one.id}: {_first(one)}"))
        if comment and not approve and "/" in one.id:
            click.echo(f"({UNKEPT})", err=True)


@contextmanager
def _waiting(app: App, job: str | None, sets: tuple[str, ...]) -> "Iterator[list[Waits]]":
    """All that waits, the oldest first, to be answered within the block."""
    found = platform.settings(app, SECTIONS, parse_sets(sets))
    settings: Jenkins = found.sections["jenkins"]
    kept = [] if job else list(_in_store(app))
    if settings.url is None:
        if job or not (app.project / app.file).exists():
            raise ConfigError(
                "jenkins.url is not set", hint="--set jenkins.url=…, or MLAGENT_JENKINS_URL; user and token as well"
            )
        yield kept
        return
    try:
        from mlagent.adapters.jenkins.controller import Controller
    except ImportError as error:
        raise missing_package("python-jenkins", "jenkins") from error
    import time

    with Controller(settings, time.sleep, app.log().warning) as controller:
        yield [*_in_jenkins(controller, [job] if job else _jobs(found)), *kept]


def _jobs(found: "Settings") -> "Sequence[str]":
    """Those of the project in which people may be asked."""
    from mlagent.adapters.jenkins import jobs

    settings, project = found.sections["jenkins"], getattr(found.sections.get("project"), "name", None)
    if not (settings.job or project):
        raise UsageError("there is no project here, so name the job", hint="--job models/risk, or --set jenkins.job=…")
    name = jobs.name(settings, project or "")
    return [name] if settings.kind == "pipeline" else [f"{name}/{settings.branch}", name + jobs.RETRAIN]


def _in_jenkins(controller: "Controller", names: "Sequence[str]") -> "Iterator[Waits]":
    from functools import partial

    from mlagent.adapters.jenkins import inputs
    from mlagent.adapters.jenkins.refusals import NotThere

    for job in names:
        try:
            waiting = inputs.waiting(controller, job)
        except NotThere:
            if len(names) == 1:
                raise
            continue  # of a multibranch job and its retraining one, not both need be there
        for one in waiting:
            answer = partial(_answer_there, controller, job, one)
            may = tuple(map(_plain, one.submitters))
            yield Waits(_plain(f"{one.build}/{one.id}"), one.message, may, "", f"{job} #{one.build}", answer)


def _answer_there(controller: "Controller", job: str, one: "Pending", *, approve: bool, comment: str) -> None:
    from mlagent.adapters.jenkins import inputs

    inputs.answer(controller, job, one.build, one.id, approve=approve, comment=comment)


def _in_store(app: App) -> "Iterator[Waits]":
    """What was asked outside of Jenkins; answered as the user of this system."""
    if not (app.project / app.file).exists():
        return
    from functools import partial

    from mlagent.adapters.local.approvals import LocalApprovals
    from mlagent.engine.clock import now

    kept = LocalApprovals(app.workspace().store)
    for one in kept.pending(now()):
        if not one.build:
            decide = partial(_decide, kept, one)
            yield Waits(one.id, one.message, one.approvers, one.expires, "the store", decide)


def _decide(kept: "LocalApprovals", question: "Question", *, approve: bool, comment: str) -> None:
    from mlagent import adapters
    from mlagent.core.ports.approvals import Decision
    from mlagent.engine.clock import now

    outcome: Outcome = "approved" if approve else "rejected"
    (who,) = adapters.started_here().users
    kept.decide(
        Decision(
            question=question.id,
            release=question.release,
            evidence=question.evidence,
            outcome=outcome,
            who=who,
            time=now(),
            comment=comment,
        )
    )


def _named(found: "Sequence[Waits]", name: str | None) -> Waits:
    if name is None and len(found) == 1:
        return found[0]
    same = [one for one in found if name and name in (one.id, one.id.rpartition("/")[2])]
    if len(same) == 1:
        return same[0]
    listed = ", ".join(one.id for one in found)
    if not found or (name and not same):
        raise InputError(
            f"nothing waits under {name}" if name else "nothing waits for an answer",
            hint=f"these wait: {listed}"
            if found
            else "it was answered, its time is over, or it is another job (--job)",
        )
    raise UsageError("several wait: say which one", hint=f"name one of {listed}")


def _first(one: Waits) -> str:
    return _plain(one.message.partition("\n")[0])


def _plain(text: str) -> str:
    """Whoever wrote the Jenkinsfile may have chosen it: nothing that a terminal obeys."""
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in text)


def _told(one: Waits) -> dict[str, object]:
    return {key: value for key, value in one._asdict().items() if key != "answer"}
