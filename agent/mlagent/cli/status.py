"""`mlagent status`: what runs where, since when."""

from typing import TYPE_CHECKING

import click
import msgspec

from mlagent.cli import environments
from mlagent.cli.app import App
from mlagent.config.environments import ENVIRONMENTS
from mlagent.errors import MlagentError

if TYPE_CHECKING:
    from mlagent.rollout.standing import Standing

HEAD = ("environment", "version", "digest", "since", "data", "commit", "build", "ready", "rollout")
NOTHING = "-"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One environment; `state` is serving, nothing, away or off; digests in full, `since` RFC 3339 in UTC.

    `said` says what the state, or the rollout, is about.
    """

    environment: str
    namespace: str = ""
    state: str
    version: str = ""
    digest: str = ""
    since: str = ""
    data: str = ""
    commit: str = ""
    build: int | None = None
    ready: int = 0
    wanted: int = 0
    said: str = ""


@click.command()
@click.option("--env", "environment", type=environments.WHICH, help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def status(app: App, environment: str | None, *, as_json: bool) -> None:
    """Say what runs in each environment, since when: version, digest, data, commit, build, pods, the newest rollout."""
    from mlagent.report.table import table

    rows = [row(_standing(app, environment))] if environment else [_tried(app, one) for one in ENVIRONMENTS]
    if as_json:
        click.echo(app.mask(msgspec.json.format(msgspec.json.encode(rows)).decode()))
    else:
        click.echo(table(HEAD, [tuple(map(app.mask, _cells(one))) for one in rows]))


def _standing(app: App, environment: str) -> "Standing":
    from mlagent.rollout import place

    with environments.cluster(app, environment) as cluster:
        return place.stands(cluster, environments.model(app), environment)


def _tried(app: App, environment: str) -> Row:
    """What cannot be asked is a row as well."""
    settings = app.settings().sections[environment]
    if settings.namespace is None:
        return Row(environment=environment, state="off", said=f"{environment}.namespace is not set")
    try:
        return row(_standing(app, environment))
    except MlagentError as error:
        return Row(environment=environment, namespace=settings.namespace, state="away", said=error.message)


def row(stands: "Standing") -> Row:
    """How an environment stands, for people."""
    plain = Row(environment=stands.environment, namespace=stands.namespace, state="nothing", said=_said(stands))
    pods = {"ready": stands.ready, "wanted": stands.wanted}
    if stands.placed is None:
        return msgspec.structs.replace(plain, **pods)
    release = stands.placed.release
    return msgspec.structs.replace(
        plain,
        state="serving",
        version=release.called,
        digest=release.digest,
        since=stands.placed.since,
        data=release.data,
        commit=release.commit,
        build=release.build,
        **pods,
    )


def _said(stands: "Standing") -> str:
    """The newest rollout, whatever is odd, and who has set fields of ours."""
    if not stands.exists:
        return "nothing is deployed"
    parts = [stands.strange] if stands.strange else []
    state = stands.rollout
    if state:
        why = f": {state.reason}" if state.reason else ""
        parts.append(f"{state.kind} to version {state.target.release.called} {state.phase}{why}")
    parts += [f"{one.who} has set {one.field}" for one in stands.edits]
    return "; ".join(parts)


def _cells(one: Row) -> tuple[str, ...]:
    from mlagent.core.digest import short

    since = one.since[:19].replace("T", " ")
    shown = (one.version, short(one.digest), since, short(one.data), one.commit[:12])
    build = str(one.build) if one.build else ""
    pods = f"{one.ready}/{one.wanted}" if one.state in ("serving", "nothing") else ""
    said = f"away: {one.said}" if one.state == "away" else one.said
    return (one.environment, *(cell or NOTHING for cell in (*shown, build, pods)), said)
