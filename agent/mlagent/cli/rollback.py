"""`mlagent rollback`: what served before serves again; one command, the same however often it is given."""

from typing import TYPE_CHECKING

import click

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.errors import ConfigError

if TYPE_CHECKING:
    from mlagent.core.ports.cluster import Cluster
    from mlagent.ledger.desk import Desk
    from mlagent.rollout.back import Back


@click.command()
@environments.env_option
@click.option("--to", default="", metavar="RELEASE", help="A version, or (the beginning of) an image's digest.")
@click.option("--reason", default="", help="Why, for the ledger and for whoever looks at the rollout.")
@click.pass_obj
def rollback(app: App, environment: str, to: str, reason: str) -> None:
    """Have what served before serve again, and move alias and ledger once it does.

    The older pods get ready before a newer one goes. Nothing is verified or approved anew: only what served here in
    full is gone back to, and that was verified when it came. Given again, it has nothing to do; --to goes farther.

    Of an environment without a namespace alias and ledger alone are moved, back to what `promote` brought before.
    """
    namespace = app.settings().sections[environment].namespace
    reason = app.mask(reason)  # what the ledger holds it holds for ever
    if namespace is None:
        _without_cluster(app, environment, to, reason or "no reason was given")
        return
    from mlagent.ledger.promotion import rolled_back
    from mlagent.rollout import back, place, standing

    settings, model, who = environments.section(app, environment), environments.model(app), environments.who()
    with environments.cluster(app, environment) as cluster:
        with place.driving(cluster, model, environment, settings, who=who, say=app.log().info) as hands:
            served = standing.served(hands.read())
            went = back.back(hands, to=to, reason=reason)
        desk = _desk(app, cluster)
        desk.glance(environment, served, who)
        placed, why = went.placed, reason or "no reason was given"
        if went.left:
            left = went.left.release
            desk.settle(rolled_back(placed.release, environment, who, left=left, reason=why, placement=placed.id))
    _say(environment, went)


def _without_cluster(app: App, environment: str, to: str, reason: str) -> None:
    from mlagent.ledger import history, way_back
    from mlagent.ledger.promotion import rolled_back

    desk, repository = _desk(app, None), app.settings().sections["registry"].repository or ""
    newest = history.standing(desk.ledger, desk.model, environment)
    if newest and "placement" in newest.fact.details:
        environments.section(app, environment)  # refuses: pods serve what it leaves, and would go on with it
    target, now = way_back.find(desk.ledger, desk.model, environment, to)
    release, left = (way_back.release_of(one, repository) for one in (target, now))
    desk.glance(environment, None, environments.who())
    if release.digest == left.digest:
        if now.fact.what == "rolled-back":  # which may have been cut off
            desk.settle(rolled_back(left, environment, environments.who(), left=None, reason=reason))
        click.echo(app.mask(f"{release} is in {environment} already: nothing was moved. `--to` goes back farther."))
        return
    desk.settle(rolled_back(release, environment, environments.who(), left=left, reason=reason))
    click.echo(app.mask(f"{release} is in {environment} again, in the place of {left}."))


def _desk(app: App, cluster: "Cluster | None") -> "Desk":
    """The ledger, and all that a rollback writes besides; a key that is not here does not stand in the way."""
    from mlagent.adapters import sealing
    from mlagent.engine.clock import now
    from mlagent.ledger.anchors import Annotation, VersionTags
    from mlagent.ledger.desk import Desk

    def say(text: str) -> None:
        click.echo(app.mask(f"Note: {text}."), err=True)

    workspace, model = app.workspace(), environments.model(app)
    sections = workspace.settings.sections
    try:
        sign = sealing.sealer(sections["ledger"], sections["sign"], sections["registry"], app.project)
    except ConfigError as error:
        sign = None
        say(f"the ledger's checkpoint is not signed: {error.message}")
    return Desk(
        model=model,
        ledger=workspace.ledger,
        registry=workspace.registry,
        anchors=(VersionTags(workspace.registry, model), *([Annotation(cluster, model)] if cluster else [])),
        sign=sign,
        good=None,
        now=now,
        say=say,
    )


def _say(environment: str, went: "Back") -> None:
    release = went.placed.release
    if not went.moved:
        click.echo(f"{environment} serves {release} already: nothing was moved. `--to` goes back farther.")
        return
    left = f" in the place of {went.left.release}" if went.left else ""
    click.echo(f"{environment} serves {release} again{left}. It was verified when it was deployed.")
