"""How the pods of a Deployment are exchanged: as Kubernetes' controllers do it, a step each tick."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlagent.adapters.memory_cluster import pods
from mlagent.adapters.memory_cluster.fields import Json
from mlagent.adapters.memory_cluster.pods import SET
from mlagent.core.digest import of_json, short
from mlagent.core.ports.cluster import Kind

if TYPE_CHECKING:
    from mlagent.adapters.memory_cluster import MemoryCluster

DEPLOYMENT = Kind("apps/v1", "Deployment")
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"


def exchange(cluster: "MemoryCluster") -> None:
    """One tick: pods age and go, each Deployment has the numbers it wants now, and pods come or are told to go."""
    pods.age(cluster)
    for (kind, _), one in list(cluster.objects.items()):
        if kind == DEPLOYMENT:
            _sync(cluster, copy.deepcopy(one))


def _sync(cluster: "MemoryCluster", deployment: Json) -> None:
    refused = ""
    if not deployment["spec"].get("paused"):
        _roll(cluster, deployment)
    for one in _sets(cluster, deployment):
        refused = pods.replicate(cluster, one) or refused
    _report(cluster, deployment, refused)


def _roll(cluster: "MemoryCluster", deployment: Json) -> None:
    """The newest set out as far as the surge allows, the others in as far as enough pods are ready."""
    newest = _newest(cluster, deployment)
    sets = _sets(cluster, deployment)
    others = [one for one in sets if one["metadata"]["name"] != newest["metadata"]["name"]]
    wanted, total = deployment["spec"]["replicas"], sum(one["spec"]["replicas"] for one in sets)
    room = wanted + _surge(deployment) - total
    here = newest["spec"]["replicas"]
    _scale(cluster, newest, min(wanted, here + max(0, room)))
    spare = total - wanted - (here - len(_ready(cluster, newest)))
    for one in others:
        spare -= _scale(cluster, one, one["spec"]["replicas"] - max(0, min(spare, _unready(cluster, one))))
    spare = min(spare, sum(len(_ready(cluster, one)) for one in sets) - wanted)
    for one in others:
        spare -= _scale(cluster, one, max(0, one["spec"]["replicas"] - max(0, spare)))


def _newest(cluster: "MemoryCluster", deployment: Json) -> Json:
    """The set of the template that the Deployment has now, made or found; it has the highest revision."""
    template = deployment["spec"]["template"]
    name = f"{deployment['metadata']['name']}-{short(of_json(template))}"
    sets = _sets(cluster, deployment)
    highest = max((_revision(one) for one in sets), default=0)
    found = next((one for one in sets if one["metadata"]["name"] == name), None)
    if found is None:
        found = _made(deployment, name)
    if _revision(found) != highest or not highest:
        found["metadata"]["annotations"] = {REVISION: str(highest + 1)}
        cluster.keep(SET, found)
    return found


def _made(deployment: Json, name: str) -> Json:
    template = copy.deepcopy(deployment["spec"]["template"])
    labels = {**template["metadata"]["labels"], HASH: name.rpartition("-")[2]}
    template["metadata"]["labels"] = labels
    owners = [{"kind": "Deployment", "name": deployment["metadata"]["name"], "uid": deployment["metadata"]["uid"]}]
    metadata = {"name": name, "labels": labels, "annotations": {}, "ownerReferences": owners}
    spec = {"replicas": 0, "template": template}
    return {"apiVersion": SET.api, "kind": SET.name, "metadata": metadata, "spec": spec}


def _scale(cluster: "MemoryCluster", one: Json, to: int) -> int:
    """How many fewer there are."""
    fewer: int = one["spec"]["replicas"] - to
    if fewer:
        one["spec"]["replicas"] = to
        cluster.keep(SET, one)
    return fewer


def _report(cluster: "MemoryCluster", deployment: Json, refused: str) -> None:
    """What the controller has seen and done; when no pod has got ready, nor one has gone, for too long."""
    wanted, sets = deployment["spec"]["replicas"], _sets(cluster, deployment)
    newest = max(sets, key=_revision, default=None)
    others = sum(len(pods.of(cluster, one)) for one in sets if one is not newest)
    ready = len(_ready(cluster, newest)) if newest else 0
    key = [newest["metadata"]["name"] if newest else "", ready, others]
    before = deployment.get("status", {})
    since = before["since"] if before.get("key") == key else cluster.ticks
    late = cluster.ticks - since > deployment["spec"].get("progressDeadlineSeconds", 600)
    complete = ready >= wanted and not others
    status: dict[str, Any] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": sum(len(pods.of(cluster, one)) for one in sets),
        "readyReplicas": sum(len(_ready(cluster, one)) for one in sets),
        "conditions": _conditions(refused, late=late and not complete and not deployment["spec"].get("paused")),
        "key": key,
        "since": cluster.ticks if deployment["spec"].get("paused") else since,
    }
    live = cluster.objects[DEPLOYMENT, deployment["metadata"]["name"]]
    cluster.keep(DEPLOYMENT, {**copy.deepcopy(live), "status": status})


def _conditions(refused: str, *, late: bool) -> list[Mapping[str, str]]:
    said = {"reason": "ProgressDeadlineExceeded", "message": "the ReplicaSet has timed out progressing."}
    progressing = (
        {"type": "Progressing", "status": "False", **said} if late else {"type": "Progressing", "status": "True"}
    )
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
    return [progressing, *([failure] if refused else [])]


def _sets(cluster: "MemoryCluster", deployment: Json) -> list[Json]:
    """In the order of their revisions."""
    uid = deployment["metadata"]["uid"]
    found = [one for (kind, _), one in cluster.objects.items() if kind == SET]
    owned = [copy.deepcopy(one) for one in found if one["metadata"]["ownerReferences"][0]["uid"] == uid]
    return sorted(owned, key=_revision)


def _ready(cluster: "MemoryCluster", one: Json) -> Sequence[Json]:
    return [pod for pod in pods.of(cluster, one) if pods.ready(pod)]


def _unready(cluster: "MemoryCluster", one: Json) -> int:
    return int(one["spec"]["replicas"]) - len(_ready(cluster, one))


def _revision(one: Json) -> int:
    return int(one["metadata"]["annotations"].get(REVISION, 0))


def _surge(deployment: Json) -> int:
    """Pods more than wanted; a share is rounded up."""
    surge = deployment["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", "25%")
    if isinstance(surge, int):
        return surge
    return -(-int(surge.removesuffix("%")) * int(deployment["spec"]["replicas"]) // 100)
