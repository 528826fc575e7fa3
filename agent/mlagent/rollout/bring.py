"""A deploy, whole: look for room, hold the environment, end what was left half done, exchange the pods."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from mlagent.core.ports.cluster import Cluster, Kind, Object
from mlagent.rollout import names, objects, place, preflight
from mlagent.rollout.back import given_up
from mlagent.rollout.drive import Driven, Means, drive, unseen
from mlagent.rollout.hold import SYSTEM, Clock
from mlagent.rollout.objects import Wanted
from mlagent.rollout.release import Placed
from mlagent.rollout.standing import Standing
from mlagent.rollout.state import State

LAST = ("HorizontalPodAutoscaler", "Ingress")  # of no use to pods that may yet be taken back


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it, how to speak and to draw, where to keep the state beside the note in the cluster."""

    who: str
    say: Callable[[str], None]
    remember: Callable[[State], None] = place.nothing
    show: Callable[[str, float, int], None] = unseen
    clock: Clock = SYSTEM


def bring(cluster: Cluster, wanted: Wanted, voice: Voice, *, overwrite: bool = False) -> Driven:
    """Have the release serve, or what served before; errors are those of preflight, of the lease and of the drive.

    `overwrite` takes back what others have set of our fields; without it that is refused before anything changes.
    """
    served = objects.served(cluster.versions)
    told = place.holding(
        cluster,
        wanted.model,
        wanted.environment,
        wanted.settings,
        who=voice.who,
        say=voice.say,
        remember=voice.remember,
        show=voice.show,
        clock=voice.clock,
    )
    with told as means:
        made = list(objects.render(wanted, served))
        deployment = made.pop(next(at for at, one in enumerate(made) if one["kind"] == names.DEPLOYMENT.name))
        stands = _ended(means, wanted, deployment)
        state = stands.moving or _begun(means, wanted, stands)
        if state.phase == "begun":
            _look(cluster, wanted, voice)
            _delete(objects.unwanted(wanted, served), cluster)
            _apply([one for one in made if one["kind"] not in LAST], cluster, overwrite=overwrite)
        driven = drive(means, state, _numbered(deployment, wanted, stands), overwrite=overwrite)
        if driven.state.phase == "done":
            _apply([one for one in made if one["kind"] in LAST], cluster, overwrite=overwrite)
    return driven


def _ended(means: Means, wanted: Wanted, deployment: Object) -> Standing:
    """How it stands once whatever was left half done is at its end, but for this release's own rollout.

    The way back may lead to what is wanted now; then the template need not be kept in the cluster.
    """
    stands = place.stands(means.cluster, wanted.model, wanted.environment)
    halfway = stands.moving
    if halfway is None:
        return stands
    if (halfway.kind, halfway.target.id) == ("deploy", objects.placement(wanted)) and halfway.phase != "undoing":
        means.say(f"going on with the rollout that was begun at {halfway.began}: {halfway.phase}")
        return stands
    means.say(f"a {halfway.kind} to {halfway.target.release} was left half done ({halfway.phase}): ending it first")
    state = halfway if halfway.kind == "rollback" else given_up(halfway, "another release was deployed")
    drive(means, state, deployment)
    return place.stands(means.cluster, wanted.model, wanted.environment)


def _begun(means: Means, wanted: Wanted, stands: Standing) -> State:
    now = means.now().isoformat(timespec="milliseconds")
    target = Placed(id=objects.placement(wanted), release=wanted.release)
    return State(kind="deploy", target=target, stable=stands.placed, began=now, since=now)


def _numbered(deployment: Object, wanted: Wanted, stands: Standing) -> Object:
    """A first Deployment begins with the fewest pods of its autoscaler, which comes once it serves; else with one."""
    if stands.exists or not wanted.scaled:
        return deployment
    return {**deployment, "spec": {"replicas": wanted.sized.pods, **deployment["spec"]}}


def _look(cluster: Cluster, wanted: Wanted, voice: Voice) -> None:
    findings = preflight.look(cluster, wanted)
    for one in findings:
        if one.outcome == "unknown":
            voice.say(f"not known before: {one}")
    preflight.raise_unless_ready(findings)
    voice.say(f"preflight: {sum(one.outcome == 'pass' for one in findings)} of {len(findings)} looked at and good")


def _apply(made: Sequence[Object], cluster: Cluster, *, overwrite: bool) -> None:
    for one in made:
        cluster.apply(one, names.MANAGER, force=overwrite)


def _delete(left: Sequence[tuple[Kind, str]], cluster: Cluster) -> None:
    for kind, name in left:
        if cluster.get(kind, name) is not None:
            cluster.delete(kind, name)


def changes(cluster: Cluster, wanted: Wanted) -> Iterator[tuple[Object | None, Object | None]]:
    """Each object as it is and as applying ours would make it, by the server's own word; changes nothing."""
    served = objects.served(cluster.versions)
    for one in objects.render(wanted, served):
        kind = Kind(one["apiVersion"], one["kind"])
        yield cluster.get(kind, one["metadata"]["name"]), cluster.apply(one, names.MANAGER, force=True, dry_run=True)
    for kind, name in objects.unwanted(wanted, served):
        if (there := cluster.get(kind, name)) is not None:
            yield there, None
