"""What is to be seen in the cluster, as plain facts."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlagent.core.ports.cluster import Cluster, Object
from mlagent.rollout import names
from mlagent.rollout.edits import edits
from mlagent.rollout.faults import containers, fault, waiting
from mlagent.rollout.seen import PodSeen, Seen
from mlagent.rollout.state import Ask

OVER = ("Failed", "Succeeded")  # of such a pod nothing comes any more; the cluster does not count it either


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The Deployment as it is (None: there is none), and what there is to see of it and its pods."""

    live: Object | None
    seen: Seen


def look(cluster: Cluster, model: str) -> Seen:
    """Ask for the Deployment and its pods."""
    return looked(cluster, model).seen


def looked(cluster: Cluster, model: str) -> Looked:
    """The same, with the Deployment itself."""
    live = cluster.get(names.DEPLOYMENT, model)
    pods = cluster.list(names.POD, names.selector(model))
    return Looked(live=live, seen=_seen(live, pods))


def asked(live: Object | None) -> Ask | None:
    """What a person asks of the rollout; nothing where the note is not as we write it."""
    note = live["metadata"].get("annotations", {}).get(names.ASKED, "") if live else ""
    try:
        return msgspec.json.decode(note, type=Ask) if note else None
    except msgspec.DecodeError:
        return None


def _seen(live: Object | None, pods: Sequence[Object]) -> Seen:
    there = [one for one in pods if one.get("status", {}).get("phase") not in OVER]
    staying = [one for one in there if not one["metadata"].get("deletionTimestamp")]
    seen = Seen(exists=live is not None, pods=tuple(map(_pod, staying)), leaving=len(there) - len(staying))
    if live is None:
        return seen
    metadata, spec, status = live["metadata"], live["spec"], live.get("status", {})
    return msgspec.structs.replace(
        seen,
        template=_placement(spec["template"]),
        settled=status.get("observedGeneration", 0) >= metadata.get("generation", 1),
        paused=bool(spec.get("paused")),
        wanted=spec.get("replicas", 1),
        overdue=_overdue(status),
        refused=_condition(status, "ReplicaFailure", "True").get("message", ""),
        edits=edits(live),
        asked=asked(live),
    )


def _pod(pod: Object) -> PodSeen:
    known = containers(pod)
    server = next((one for one in known if one["name"] == names.CONTAINER), {})
    return PodSeen(
        name=pod["metadata"]["name"],
        uid=pod["metadata"].get("uid", ""),
        placement=_placement(pod),
        ready=bool(_condition(pod.get("status", {}), "Ready", "True")),
        restarts=sum(one.get("restartCount", 0) for one in known),
        image_id=server.get("imageID", ""),
        fault=fault(pod),
        waiting=waiting(pod),
    )


def _placement(labelled: Object) -> str:
    placement: str = labelled.get("metadata", {}).get("labels", {}).get(names.PLACEMENT, "")
    return placement


def _overdue(status: Mapping[str, Any]) -> str:
    found = _condition(status, "Progressing", "False")
    if found.get("reason") != "ProgressDeadlineExceeded":
        return ""
    message: str = found.get("message", "")
    return f"ProgressDeadlineExceeded: {message}"


def _condition(status: Mapping[str, Any], kind: str, value: str) -> Mapping[str, Any]:
    found = (one for one in status.get("conditions") or () if (one["type"], one["status"]) == (kind, value))
    return next(found, {})
