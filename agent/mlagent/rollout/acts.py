"""The acts, done: each may be repeated, and is where its effect has not come about."""

from collections.abc import Mapping
from typing import Any

from mlagent.core.ports.cluster import Cluster, FieldConflict, Object
from mlagent.errors import InputError
from mlagent.rollout import names, notes
from mlagent.rollout.actions import Move, Pause, Remove, Resume
from mlagent.rollout.edits import edits, owns_number, reclaimed
from mlagent.rollout.objects import SCALER, handover, moved

TRIES = 3
REVISION = "deployment.kubernetes.io/revision"


def act(
    cluster: Cluster,
    model: str,
    action: Move | Remove | Pause | Resume,
    live: Object | None,
    manifest: Object | None = None,
    noted: Mapping[str, str] | None = None,
) -> None:
    """Do it; `live` is the Deployment as it was seen, `manifest` what was rendered for the target.

    A Deployment that is made anew carries the notes (`noted`) from its first moment. FieldConflict (21) where others
    have set what a Move without force would set.
    """
    if isinstance(action, Move):
        _move(cluster, model, action, live, _manifest(cluster, model, action.to, live, manifest), noted or {})
    elif isinstance(action, Remove):
        cluster.delete(names.DEPLOYMENT, model)
    elif isinstance(action, Pause):
        cluster.apply(notes.named(cluster, model) | {"spec": {"paused": True}}, names.PAUSER, force=True)
    else:
        cluster.apply(notes.named(cluster, model), names.PAUSER, force=True)


def placement(manifest: Object) -> str:
    """Of the template in a Deployment or a ReplicaSet."""
    found: str = manifest["spec"]["template"]["metadata"].get("labels", {}).get(names.PLACEMENT, "")
    return found


def _manifest(cluster: Cluster, model: str, to: str, live: Object | None, rendered: Object | None) -> Object:
    """What was rendered for it, else the live Deployment with the template that a ReplicaSet keeps."""
    if rendered is not None and placement(rendered) == to:
        return rendered
    sets = [one for one in cluster.list(names.REPLICA_SET, names.selector(model)) if placement(one) == to]
    if live is None or not sets:
        raise InputError(
            f"template {to} of {model} is kept nowhere in {cluster.namespace}: Deployment or ReplicaSet are gone",
            hint="`mlagent deploy` of the build that it came from brings it again",
        )
    return moved(live, min(sets, key=_age)["spec"]["template"], hpa=not owns_number(live))


def _move(
    cluster: Cluster, model: str, move: Move, live: Object | None, wanted: Object, noted: Mapping[str, str]
) -> None:
    if live is None:
        metadata = {**wanted["metadata"], "annotations": dict(noted)}
        cluster.apply({**wanted, "metadata": metadata}, names.MANAGER, force=move.force)
        return
    if not move.force:
        _refuse_edits(live)
    else:
        live = _reclaim(cluster, model, live)
    if live["spec"].get("paused"):
        cluster.apply(notes.named(cluster, model), names.PAUSER, force=True)
        wanted = _with(wanted, paused=False)
    if (first := handover(live, wanted)) is not None:
        cluster.apply(first, SCALER, force=True)
    cluster.apply(wanted, names.MANAGER, force=move.force)


def _refuse_edits(live: Object) -> None:
    """What others have added to the template would come along, though nobody has verified it."""
    found = [str(one) for one in edits(live) if one.template]
    if found:
        raise FieldConflict(
            f"the Deployment {live['metadata']['name']} has been edited by hand: {'; '.join(found)}",
            hint="have whoever did that take it back, or give --overwrite, which does",
        )


def _with(manifest: Object, **fields: Any) -> Object:  # noqa: ANN401 - JSON
    return {**manifest, "spec": {**manifest["spec"], **fields}}


def _reclaim(cluster: Cluster, model: str, live: Object) -> Object:
    """Make ours what others have set in the template; the note that was written since is why it is read again.

    Where somebody is faster each time, the next look shows what is left.
    """
    for _ in range(TRIES):
        live = cluster.get(names.DEPLOYMENT, model) or live
        ours = reclaimed(live)
        if ours is None or cluster.swap(ours) is not None:
            break
    return live


def _age(replica_set: Object) -> tuple[str, int]:
    """The first one of a placement is as we made it; what somebody has edited has its label too, and is younger."""
    metadata = replica_set["metadata"]
    return metadata.get("creationTimestamp", ""), int(metadata.get("annotations", {}).get(REVISION, 0))
