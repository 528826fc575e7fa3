"""Clusters with what preflight looks at in them: a namespace, quotas, nodes, pods."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlagent.adapters.memory_cluster import MemoryCluster, Program
from mlagent.core.ports.cluster import Asked, Kind, Object, Replied
from mlagent.errors import ConfigError
from mlagent.rollout.objects import Served, Wanted, render
from mlagent.rollout.preflight import Finding, look

NAMESPACE, NODE, POD = Kind("v1", "Namespace"), Kind("v1", "Node"), Kind("v1", "Pod")
QUOTA, SECRET, CONFIG_MAP = Kind("v1", "ResourceQuota"), Kind("v1", "Secret"), Kind("v1", "ConfigMap")
READY = [{"type": "Ready", "status": "True"}]
ANSWERING = Program(answer=lambda *_: Replied(200, {}, b"{}"))


class Walled(MemoryCluster):
    """Some kinds may not be listed, or only in the namespace; pods of `elsewhere` are of others."""

    def __init__(self, unlisted: Sequence[Kind] = (), *, nowhere_else: bool = False) -> None:
        """Have the namespace `models`, and one node with room."""
        super().__init__("models")
        self.unlisted, self.nowhere_else = unlisted, nowhere_else
        self.elsewhere: list[Object] = []
        put(self, NAMESPACE, "models")
        put(self, NODE, "n1", **node(cpu="8", memory="32Gi"))

    def list(
        self, kind: Kind, labels: Mapping[str, str] | None = None, *, everywhere: bool = False
    ) -> Sequence[Object]:
        """As the real one: ConfigError where it may not be."""
        if kind in self.unlisted or (everywhere and kind == POD and self.nowhere_else):
            raise ConfigError(f"may not list {kind.name}", hint="ask for the right")
        return [*super().list(kind, labels), *(self.elsewhere if everywhere and kind == POD else [])]


def put(cluster: MemoryCluster, kind: Kind, name: str, **content: Any) -> None:
    """Have an object there, as others made it."""
    metadata = {"name": name, **content.pop("metadata", {})}
    cluster.objects[kind, name] = {"apiVersion": kind.api, "kind": kind.name, "metadata": metadata, **content}


def node(
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Mapping[str, str]] = (),
    ready: str = "True",
    images: Sequence[str] = (),
    closed: bool = False,
    **has: str,
) -> dict[str, Any]:
    """A node that has so much for pods."""
    allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110"} | {
        key.replace("gpu", "nvidia.com/gpu"): has[key] for key in has
    }
    return {
        "metadata": {"labels": dict(labels or {})},
        "spec": {"taints": list(taints), "unschedulable": closed},
        "status": {
            "allocatable": allocatable,
            "conditions": [{"type": "Ready", "status": ready}],
            "images": [{"names": list(images)}],
        },
    }


def pod(on: str, phase: str = "Running", **requests: str) -> dict[str, Any]:
    """Somebody's pod on a node."""
    return {
        "metadata": {"name": "other"},
        "spec": {"nodeName": on, "containers": [{"resources": {"requests": requests}}]},
        "status": {"phase": phase},
    }


def quota(spec: Mapping[str, Any] | None = None, **hard: tuple[str, str]) -> dict[str, Any]:
    """A quota, by resource: its limit, and what is used of it."""
    named = {key.replace("__", "."): value for key, value in hard.items()}
    return {
        "spec": dict(spec or {}),
        "status": {"hard": {k: v[0] for k, v in named.items()}, "used": {k: v[1] for k, v in named.items()}},
    }


def serve(cluster: MemoryCluster, wanted: Wanted) -> None:
    """Have it there already, its pods ready."""
    cluster.programs[wanted.release.image] = cluster.programs.get(wanted.release.image, ANSWERING)
    for one in render(wanted, Served()):
        cluster.apply(one, "mlagent")
    cluster.tick(20)


def found(cluster: MemoryCluster, wanted: Wanted) -> dict[str, Finding]:
    """Findings by what was looked at."""
    listed = look(cluster, wanted)
    assert len({one.what for one in listed}) == len(listed)
    return {one.what: one for one in listed}


def deny(cluster: MemoryCluster, *resources: str) -> None:
    """Take all rights to them away."""
    cluster.denied |= set(_all(resources))


def _all(resources: Sequence[str]) -> Iterator[Asked]:
    for resource in resources:
        plain, _, group = resource.partition(".")
        for verb in ("get", "list", "create", "patch", "update", "delete"):
            yield Asked(verb, group, plain)
