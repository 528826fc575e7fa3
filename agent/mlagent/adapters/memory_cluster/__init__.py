"""The Cluster port without a cluster: shipped, for tests of those who build on it; it passes the same contract tests.

fields        who has set which fields of an object
stored        server-side apply, and writing over
programs      what pods of an image do
pods          how they come, get ready and go
deployments   how the pods of a Deployment are exchanged, tick by tick
"""

import copy
import itertools
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mlagent.adapters.memory_cluster import pods
from mlagent.adapters.memory_cluster.deployments import exchange
from mlagent.adapters.memory_cluster.fields import Json
from mlagent.adapters.memory_cluster.programs import Program
from mlagent.adapters.memory_cluster.stored import applied, bare_metadata, overwritten
from mlagent.core.ports.cluster import Asked, Kind, Object, Replied
from mlagent.errors import InfrastructureError, InputError

__all__ = ["MemoryCluster", "Program"]
SWAPPER = "mlagent"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "": ("v1",),
    "apps": ("v1",),
    "autoscaling": ("v2", "v1"),
    "policy": ("v1",),
    "networking.k8s.io": ("v1",),
    "coordination.k8s.io": ("v1",),
}


class MemoryCluster:
    """Objects in a dictionary; pods come and go where `tick` is called, and do what the program of their image does."""

    def __init__(self, namespace: str, programs: Mapping[str, Program] | None = None) -> None:
        """Hold nothing yet; an image that no program is given for works."""
        self.namespace = namespace
        self.programs = dict(programs or {})
        self.away = False
        self.pods_max: int | None = None
        self.denied: set[Asked] = set()
        self.objects: dict[tuple[Kind, str], Json] = {}
        self.ticks = 0
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def get(self, kind: Kind, name: str) -> Object | None:
        """One, copied."""
        with self._reached():
            return copy.deepcopy(self.objects.get((kind, name)))

    def list(
        self,
        kind: Kind,
        labels: Mapping[str, str] | None = None,
        *,
        everywhere: bool = False,  # noqa: ARG002
    ) -> Sequence[Object]:
        """Copies; there is one namespace, so `everywhere` is here."""
        with self._reached():
            found = [one for (known, _), one in sorted(self.objects.items()) if known == kind]
            return tuple(copy.deepcopy(one) for one in found if _labelled(one, labels or {}))

    def apply(self, wanted: Object, manager: str, *, force: bool = False, dry_run: bool = False) -> Object:
        """Merge it in, field by field."""
        with self._reached():
            kind = self._served(wanted)
            live = self.objects.get((kind, wanted["metadata"]["name"]))
            after = applied(live, wanted, manager, force=force)
            return copy.deepcopy(self._complete(live, after) if dry_run else self._keep(kind, live, after))

    def swap(self, wanted: Object) -> Object | None:
        """Compare the version, and whose it is."""
        return self.edit(wanted, SWAPPER)

    def edit(self, wanted: Object, manager: str) -> Object | None:
        """The same by somebody else: as `kubectl edit` does."""
        with self._reached():
            kind, metadata = self._served(wanted), wanted["metadata"]
            live = self.objects.get((kind, metadata["name"]))
            if not metadata.get("resourceVersion"):
                made = None if live else applied(None, wanted, manager, force=False)
                return copy.deepcopy(self._keep(kind, None, made)) if made else None
            if live is None or metadata["resourceVersion"] != live["metadata"]["resourceVersion"]:
                return None
            return copy.deepcopy(self._keep(kind, live, overwritten(live, wanted, manager)))

    def delete(self, kind: Kind, name: str) -> None:
        """With what it owns."""
        with self._reached():
            gone = self.objects.pop((kind, name), None)
            owned = [key for key, one in self.objects.items() if gone and _owner(one) == gone["metadata"]["uid"]]
        for below, called in owned:
            self.delete(below, called)

    def ask(self, pod: str, port: int, path: str, seconds: float = 5.0) -> Replied | None:  # noqa: ARG002
        """As its program answers, where it is ready."""
        with self._reached():
            found = self._pod(pod)
            return pods.program(self, found).answer(port, path) if found and pods.ready(found) else None

    def said(self, pod: str, lines: int, *, previous: bool = False) -> Sequence[str]:  # noqa: ARG002
        """Its program's lines."""
        with self._reached():
            found = self._pod(pod)
            return pods.program(self, found).lines[-lines:] if found else ()

    def allowed(self, asked: Asked) -> bool:
        """All but what is denied."""
        with self._reached():
            return asked not in self.denied

    def versions(self, group: str) -> Sequence[str]:
        """Those of a current server."""
        with self._reached():
            return VERSIONS.get(group, ())

    def tick(self, number: int = 1) -> None:
        """Let so many seconds go by for whoever exchanges pods; it works while the API server is away from us, too."""
        with self._lock:
            for _ in range(number):
                self.ticks += 1
                exchange(self)

    def time(self) -> str:
        """What its clock says: a second a tick since the beginning of 2026."""
        return (EPOCH + timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def keep(self, kind: Kind, after: Json) -> None:
        """Write down what the cluster itself has made of an object."""
        self._keep(kind, self.objects.get((kind, after["metadata"]["name"])), after)

    def _reached(self) -> "threading.RLock":
        if self.away:
            raise InfrastructureError("the API server does not answer", hint="it is away on purpose")
        return self._lock

    def _served(self, wanted: Object) -> Kind:
        kind = Kind(wanted["apiVersion"], wanted["kind"])
        group, _, version = kind.api.rpartition("/")
        if version not in VERSIONS.get(group, ()):
            raise InputError(f"the server knows no {kind.name} of {kind.api}", hint="which versions does it serve?")
        return kind

    def _keep(self, kind: Kind, live: Json | None, after: Json) -> Json:
        self.objects[kind, after["metadata"]["name"]] = self._complete(live, after)
        return self.objects[kind, after["metadata"]["name"]]

    def _complete(self, live: Json | None, after: Json) -> Json:
        """With what the server adds; the same as before where nothing has changed."""
        metadata = after["metadata"]
        metadata.setdefault("namespace", self.namespace)
        metadata.setdefault("uid", f"uid-{next(self._numbers)}")
        metadata.setdefault("creationTimestamp", self.time())
        if after["kind"] == "Deployment":
            after["spec"].setdefault("replicas", 1)
        if live and _plain(live) == _plain(after):
            return live
        before = live["metadata"]["generation"] if live else 0
        metadata["generation"] = before + (live is None or live.get("spec") != after.get("spec"))
        metadata["resourceVersion"] = str(next(self._numbers))
        return after

    def _pod(self, name: str) -> Json | None:
        return self.objects.get((Kind("v1", "Pod"), name))


def _plain(found: Object) -> Mapping[str, Any]:
    return {**found, "metadata": bare_metadata(found)}


def _labelled(found: Object, labels: Mapping[str, str]) -> bool:
    return all(found["metadata"].get("labels", {}).get(key) == one for key, one in labels.items())


def _owner(found: Object) -> str:
    owners = found["metadata"].get("ownerReferences") or [{"uid": ""}]
    uid: str = owners[0]["uid"]
    return uid
