"""`mlagent promote`: a release comes to an environment where no cluster is: the transaction alone."""

from typing import TYPE_CHECKING

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.errors import PolicyRefused, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.release import Release
    from mlagent.engine.record import RunRecord
    from mlagent.engine.workspace import Workspace
    from mlagent.ledger.desk import Desk
    from mlagent.ledger.promotion import Settled
    from mlagent.trust.verify import Decision


@click.command()
@environments.env_option
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--reason", default="", help="Why, for the ledger; what Jenkins was asked for says it otherwise.")
@click.pass_obj
def promote(app: App, environment: str, run_id: str | None, reason: str) -> None:
    """Promote the release of RUN (default: the newest) to an environment that is no cluster of ours.

    Asks what `deploy` asks: its gates passed, its image was pushed and shows what the platform's policy asks for, no
    later build was there, and for production: staging first, a clean commit. Then the ledger tells of it, and alias and
    tags of the registry follow. Given again, it has nothing to do.
    """
    from mlagent.engine import promoting
    from mlagent.ledger.promotion import promoted

    workspace = app.workspace()
    _must_be_without_cluster(workspace, environment)
    run = workspace.named(run_id)
    release = promoting.release_of(workspace, run)
    promoting.must_be_told(run)
    promoting.admit(workspace, run, release, environment)
    decision = _verified(app, workspace, run, release, environment)
    desk = _desk(app, workspace)
    desk.admit(f"{release} is not promoted to {environment}")
    record, policy = promoting.record_of(run), decision.policy if decision else ""
    why = app.mask(reason or run.reason)  # what the ledger holds it holds for ever
    settled = desk.settle(promoted(release, environment, _who(app), record=record, policy=policy, reason=why))
    _say(app, environment, release, settled)


def _must_be_without_cluster(workspace: "Workspace", environment: str) -> None:
    if workspace.settings.sections[environment].namespace is not None:
        raise UsageError(
            f"{environment} has a namespace: a release is promoted there once it serves",
            hint=f"`mlagent deploy --env {environment}` brings it there, and promotes it",
        )


def _verified(
    app: App, workspace: "Workspace", run: "RunRecord", release: "Release", environment: str
) -> "Decision | None":
    """By the platform's policy; a model without an image has nothing to show."""
    from mlagent.engine import promoting
    from mlagent.stages import deploy

    file, log = _policy(workspace), app.log()
    if release.image:
        settings = workspace.settings.sections["registry"]
        of = deploy.Asking(promoting.done_before(workspace, run, environment), _build(app, run))
        return deploy.verified(release, environment, file, of, settings, app.project, workspace.ledger, log)
    if file is not None:
        raise PolicyRefused(
            f"{release} has no image, and the platform's policy asks for what only an image can show",
            hint="set registry.repository, and `mlagent run`",
        )
    log.warning("nothing was verified: no image was pushed, and this node has no policy (MLAGENT_POLICY_FILE)")
    return None


def _build(app: App, run: "RunRecord") -> str:
    """The build that approvals were asked in, as `approve` names it."""
    return (app.environ.get("BUILD_URL", "") if app.environ.get("JENKINS_URL") else "") or f"run:{run.run_id}"


def _policy(workspace: "Workspace") -> "Path | None":
    from mlagent.engine import world

    return world.policy(workspace.settings)


def _desk(app: App, workspace: "Workspace") -> "Desk":
    from mlagent.adapters import sealing
    from mlagent.engine.clock import now
    from mlagent.ledger.anchors import VersionTags
    from mlagent.ledger.desk import Desk
    from mlagent.trust import witnessing
    from mlagent.trust.policy import Written
    from mlagent.trust.policy_file import load

    sections, model, file = workspace.settings.sections, environments.model(app), _policy(workspace)
    written = load(file) if file else Written()
    keys = witnessing.keys_of(sections["ledger"].public_key, written, sections["sign"].public_key, app.project)
    return Desk(
        model=model,
        ledger=workspace.ledger,
        registry=workspace.registry,
        anchors=(VersionTags(workspace.registry, model),),
        sign=sealing.sealer(sections["ledger"], sections["sign"], sections["registry"], app.project),
        good=sealing.good(keys, sections["registry"], app.project),
        now=now,
        say=app.log().warning,
        demanded=bool(sections["ledger"].public_key),
    )


def _who(app: App) -> str:
    """The build in Jenkins, else who gives the command."""
    return app.environ.get("BUILD_URL", "") if app.environ.get("JENKINS_URL") else environments.who()


def _say(app: App, environment: str, release: "Release", settled: "Settled") -> None:
    entry, fact = settled.entry, settled.entry.fact
    if settled.appended:
        told = f"{release} is promoted to {environment}: entry {entry.number} of the ledger"
    else:
        told = f"{release} is in {environment} already, by {fact.who} since {fact.time}: nothing was written"
    click.echo(app.mask(told))
