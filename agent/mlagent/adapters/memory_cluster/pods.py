"""Pods: made, ready, told to go, gone."""

import copy
import itertools
from typing import TYPE_CHECKING

from mlagent.adapters.memory_cluster.fields import Json
from mlagent.adapters.memory_cluster.programs import PLAIN, Program, status
from mlagent.core.ports.cluster import Kind

if TYPE_CHECKING:
    from mlagent.adapters.memory_cluster import MemoryCluster

POD, SET = Kind("v1", "Pod"), Kind("apps/v1", "ReplicaSet")
BORN, TOLD = "born", "told"  # in which tick: among a pod's annotations
_numbers = itertools.count(1)


def age(cluster: "MemoryCluster") -> None:
    """All get older: they get ready, or go when their time has come; those whose set is gone are told to go."""
    sets = {one["metadata"]["uid"] for (kind, _), one in cluster.objects.items() if kind == SET}
    for key, one in list(cluster.objects.items()):
        if key[0] != POD:
            continue
        if one["metadata"].get("deletionTimestamp"):
            if cluster.ticks - int(one["metadata"]["annotations"][TOLD]) >= program(cluster, one).ends:
                del cluster.objects[key]
        elif one["metadata"]["ownerReferences"][0]["uid"] not in sets:
            leave(cluster, one)
        else:
            lived = cluster.ticks - int(one["metadata"]["annotations"][BORN])
            cluster.keep(POD, {**copy.deepcopy(one), "status": status(program(cluster, one), "server", lived)})


def of(cluster: "MemoryCluster", replica_set: Json) -> list[Json]:
    """Those of a set that were not told to go, the oldest first."""
    uid = replica_set["metadata"]["uid"]
    found = [one for (kind, _), one in cluster.objects.items() if kind == POD]
    owned = [one for one in found if one["metadata"]["ownerReferences"][0]["uid"] == uid]
    return [one for one in owned if not one["metadata"].get("deletionTimestamp")]


def replicate(cluster: "MemoryCluster", replica_set: Json) -> str:
    """Have as many as the set wants; the unready and the youngest go first. Why no more can be made, empty for none."""
    there = sorted(of(cluster, replica_set), key=ready, reverse=True)
    wanted: int = replica_set["spec"]["replicas"]
    for one in there[wanted:]:
        leave(cluster, one)
    for _ in range(wanted - len(there)):
        if cluster.pods_max is not None and sum(kind == POD for kind, _ in cluster.objects) >= cluster.pods_max:
            return f"pods are forbidden: exceeded quota: pods: {cluster.pods_max}"
        _make(cluster, replica_set)
    return ""


def leave(cluster: "MemoryCluster", pod: Json) -> None:
    """Tell it to go."""
    after = copy.deepcopy(pod)
    after["metadata"]["deletionTimestamp"] = cluster.time()
    after["metadata"]["annotations"][TOLD] = str(cluster.ticks)
    cluster.keep(POD, after)


def ready(pod: Json) -> bool:
    """Whether it is."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])


def program(cluster: "MemoryCluster", pod: Json) -> Program:
    """What it does."""
    return cluster.programs.get(pod["spec"]["containers"][0]["image"], PLAIN)


def _make(cluster: "MemoryCluster", replica_set: Json) -> None:
    template, name = copy.deepcopy(replica_set["spec"]["template"]), replica_set["metadata"]["name"]
    owner = {"kind": "ReplicaSet", "name": name, "uid": replica_set["metadata"]["uid"]}
    metadata = {
        **template["metadata"],
        "name": f"{name}-{next(_numbers)}",
        "ownerReferences": [owner],
        "annotations": {**template["metadata"].get("annotations", {}), BORN: str(cluster.ticks)},
    }
    made = {"apiVersion": POD.api, "kind": POD.name, "metadata": metadata, "spec": template["spec"]}
    cluster.keep(POD, {**made, "status": status(program(cluster, made), "server", 0)})
