"""The Cluster port over the API server's own paths."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import quote

from mlagent.adapters.kube import pods, refusals
from mlagent.adapters.kube.link import ADMISSION_SECONDS, Link, No, Refused
from mlagent.adapters.kube.refusals import Tried
from mlagent.adapters.kube.shapes import Core, Group, Listed, Review
from mlagent.core.ports.cluster import Asked, Kind, Object, Replied

SWAPPER = "mlagent"
WITHOUT_NAMESPACE = ("nodes",)
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class KubeCluster:
    """A context: leaving it closes the connections."""

    def __init__(self, link: Link, namespace: str) -> None:
        """Reach nothing yet."""
        self._link, self.namespace = link, namespace

    def __enter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close its connections."""
        self._link.close()

    def get(self, kind: Kind, name: str) -> Object | None:
        """One GET."""
        tried = self._tried("get", kind, name)
        path = self._path(kind, tried, name)
        if path is None:
            return None
        try:
            return self._link.json("get", path, tried, borne=_absent)
        except Refused:
            return None

    def list(
        self, kind: Kind, labels: Mapping[str, str] | None = None, *, everywhere: bool = False
    ) -> Sequence[Object]:
        """One GET; the kind, which the server leaves out in lists, is added."""
        tried = self._tried("list", kind, "")
        path = self._path(kind, tried._replace(namespace="") if everywhere else tried, "", everywhere=everywhere)
        if path is None:
            return ()
        selector = ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
        found = self._link.read(Listed, "get", path, tried, label_selector=selector or None)
        told = {"apiVersion": kind.api, "kind": kind.name}
        return sorted(({**told, **one} for one in found.items or ()), key=_by_name)

    def apply(self, wanted: Object, manager: str, *, force: bool = False, dry_run: bool = False) -> Object:
        """One PATCH of the type that is for this."""
        kind, name = _of(wanted)
        tried = self._tried("patch", kind, name)
        path = self._path(kind, tried, name)
        if path is None:
            raise refusals.unserved(self._link.place, kind.api, kind.name)
        return self._link.json(
            "patch",
            path,
            tried,
            body=wanted,
            content_type="application/apply-patch+yaml",
            field_manager=manager,
            force_conflicts=force or None,
            dry_run="All" if dry_run else None,
            seconds=ADMISSION_SECONDS,
        )

    def swap(self, wanted: Object) -> Object | None:
        """PUT over a version, else POST."""
        kind, name = _of(wanted)
        over = bool(wanted["metadata"].get("resourceVersion"))
        tried = self._tried("update" if over else "create", kind, name)
        path = self._path(kind, tried, name if over else "")
        if path is None:
            raise refusals.unserved(self._link.place, kind.api, kind.name)
        try:
            return self._link.json(
                "put" if over else "post",
                path,
                tried,
                borne=lambda no: no.status == 409 or (over and _absent(no)),
                body=wanted,
                field_manager=SWAPPER,
                seconds=ADMISSION_SECONDS,
            )
        except Refused:
            return None

    def delete(self, kind: Kind, name: str) -> None:
        """One DELETE."""
        tried = self._tried("delete", kind, name)
        path = self._path(kind, tried, name)
        if path is None:
            return
        try:
            self._link.json(
                "delete", path, tried, borne=_absent, propagation_policy="Background", seconds=ADMISSION_SECONDS
            )
        except Refused:
            return

    def ask(self, pod: str, port: int, path: str, seconds: float = 5.0) -> Replied | None:
        """Through `pods/proxy`."""
        return pods.ask(self._link, self.namespace, pod, port, path, seconds)

    def said(self, pod: str, lines: int, *, previous: bool = False) -> Sequence[str]:
        """From `pods/log`."""
        return pods.said(self._link, self.namespace, pod, lines, previous=previous)

    def allowed(self, asked: Asked) -> bool:
        """By a SelfSubjectAccessReview, which is stored nowhere."""
        resource, _, sub = asked.resource.partition("/")
        attributes = {"verb": asked.verb, "group": asked.group, "resource": resource, "subresource": sub}
        attributes |= {"name": asked.name}
        attributes |= {} if resource in WITHOUT_NAMESPACE else {"namespace": self.namespace}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        tried = Tried("create", "selfsubjectaccessreviews")
        body = {**review, "spec": {"resourceAttributes": {key: one for key, one in attributes.items() if one}}}
        return self._link.read(Review, "post", REVIEWS, tried, body=body).status.allowed

    def versions(self, group: str) -> Sequence[str]:
        """From the group's own page."""
        if not group:
            return self._link.read(Core, "get", "/api", Tried("get", "/api")).versions
        path = f"/apis/{group}"
        try:
            found = self._link.read(Group, "get", path, Tried("get", path), borne=lambda no: no.status == 404)
        except Refused:
            return ()
        return tuple(dict.fromkeys(one.version for one in (found.preferred, *found.versions)))

    def _tried(self, verb: str, kind: Kind, name: str) -> Tried:
        return Tried(verb, kind.name, name, self.namespace)

    def _path(self, kind: Kind, tried: Tried, name: str, *, everywhere: bool = False) -> str | None:
        found = self._link.find(kind, tried)
        if found is None:
            return None
        path: str = found.path(namespace=None if everywhere else self.namespace)
        return f"{path}/{quote(name, safe='')}" if name else path


def _absent(no: No) -> bool:
    """Whether a 404 is the API server's own, and not that of something that answers in its place."""
    return no.status == 404 and refusals.status(no.body) is not None


def _of(wanted: Object) -> tuple[Kind, str]:
    return Kind(wanted["apiVersion"], wanted["kind"]), wanted["metadata"]["name"]


def _by_name(one: Object) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]
