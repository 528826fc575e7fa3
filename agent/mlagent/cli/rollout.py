"""`mlagent rollout status | pause | resume | abort`: a person's hand on a rollout that is under way."""

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from mlagent.cli import environments
from mlagent.cli.app import App

if TYPE_CHECKING:
    from mlagent.core.ports.cluster import Cluster
    from mlagent.rollout.seen import PodSeen
    from mlagent.rollout.standing import Standing

PATIENCE, PAUSE = 30.0, 0.5  # seconds
HEAD = ("pod", "version", "ready", "restarts", "what")

reason_option = click.option("--reason", default="", help="Why, for whoever looks at the rollout.")


@click.group()
def rollout() -> None:
    """Look at a rollout that is under way, and have whoever drives it pause, go on, or undo it."""


@rollout.command()
@environments.env_option
@click.pass_obj
def status(app: App, environment: str) -> None:
    """Say how far the newest rollout is, who drives it, and how each pod does."""
    from mlagent.report.table import table
    from mlagent.rollout import place

    with environments.cluster(app, environment) as cluster:
        name = environments.model(app)
        stands, seen = place.stands(cluster, name, environment), place.look(cluster, name)
        holder = place.holder(cluster, name)
    for line in told(stands, holder):
        click.echo(app.mask(line))
    if seen.pods:
        versions = _versions(stands)
        click.echo(table(HEAD, [tuple(map(app.mask, _pod(one, versions))) for one in seen.pods]))


def _asks(what: Literal["pause", "resume", "abort"]) -> Callable[..., Any]:
    """One of the three asks, as a command."""

    @environments.env_option
    @reason_option
    @click.pass_obj
    def command(app: App, environment: str, reason: str) -> None:
        with environments.cluster(app, environment) as cluster:
            click.echo(app.mask(_ask(app, cluster, environment, what, reason)))

    command.__doc__ = ABOUT[what]
    return command


ABOUT = {
    "pause": "Have no more pods exchanged: both versions serve until it is resumed or aborted.",
    "resume": "Have a paused rollout go on.",
    "abort": "Have it undone: what served before serves alone again. Where its deployer is gone, this command does it.",
}
for _what in ("pause", "resume", "abort"):
    rollout.command(_what)(_asks(_what))


def _ask(app: App, cluster: "Cluster", environment: str, what: Literal["pause", "resume", "abort"], reason: str) -> str:
    """Ask whoever drives it, and wait until that is obeyed; undo it here where nobody drives it."""
    from mlagent.rollout import asking, place
    from mlagent.rollout.state import Ask

    name = environments.model(app)
    stands = place.stands(cluster, name, environment)
    asking.under_way(stands)
    holder = place.holder(cluster, name)
    if what == "abort" and not holder:
        return _undo(app, environment, reason)
    asking.must_be_driven(stands, holder, what)
    asked = Ask(what=what, who=environments.who(), id=secrets.token_hex(4), reason=reason)
    asking.ask(cluster, name, asked)
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        stands = place.stands(cluster, name, environment)
        if asking.obeyed(stands, asked):
            return told(stands, holder)[0]
        time.sleep(PAUSE)
    raise asking.unanswered(asked, holder, PATIENCE)


def _undo(app: App, environment: str, reason: str) -> str:
    """What is under way once we hold it: somebody may have ended it meanwhile."""
    from mlagent.rollout import asking
    from mlagent.rollout.back import given_up

    with environments.driving(app, environment) as hands:
        state = asking.under_way(hands.read())
        ended = hands.drive(given_up(state, reason or f"aborted by {environments.who()}"))
    serves = ended.stable.release if ended.stable else "nothing"
    return f"{environment}: the rollout to {ended.target.release} is {ended.phase}; {serves} serves"


def told(stands: "Standing", holder: str) -> list[str]:
    """How far it is, in words."""
    from mlagent.rollout.state import PHASES

    state = stands.rollout
    if state is None:
        return [f"{stands.environment}: no rollout is known"]
    before = f" in the place of {state.stable.release}" if state.stable and state.stable.id != state.target.id else ""
    why = f" ({state.reason})" if state.reason else ""
    what = f"{state.kind} of {state.target.release}{before}"
    lines = [
        f"{stands.environment}: {what} is {state.phase}{why} since {state.since}",
        f"{state.phase}: {PHASES[state.phase]}",
    ]
    if not state.over:
        lines.append(f"driven by {holder}" if holder else "nobody drives it: `mlagent deploy` goes on with it")
    return lines + [f"{one.who} has set {one.field}" for one in stands.edits]


def _versions(stands: "Standing") -> dict[str, str]:
    state = stands.rollout
    known = (*stands.history, *([state.target] if state else []), *([state.stable] if state and state.stable else []))
    return {one.id: one.release.called for one in known}


def _pod(one: "PodSeen", versions: dict[str, str]) -> tuple[str, ...]:
    what = f"{one.fault.what}: {one.fault.said}" if one.fault else one.waiting
    version = versions.get(one.placement, one.placement or "not mlagent's")
    return one.name, version, "yes" if one.ready else "no", str(one.restarts), what
