"""One namespace of one Kubernetes cluster: objects as its API server speaks of them, and what single pods answer.

Every method raises InfrastructureError (20) when the API server is away, ConfigError (3) when it does not let us in or
says that we may not (naming verb and resource), unless it is said otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from mlagent.errors import Held

Object = Mapping[str, Any]
"""An object in JSON's types: apiVersion, kind, metadata and the rest."""


class FieldConflict(Held):
    """Somebody else set fields that we are about to set: the message names each of them, and who did."""


class Kind(NamedTuple):
    """What is asked for: `Kind("apps/v1", "Deployment")`; the core group's is `v1`."""

    api: str
    name: str


class Asked(NamedTuple):
    """What we might do: `Asked("get", "", "pods/proxy")`; `group` is empty for the core group."""

    verb: str
    group: str
    resource: str
    name: str = ""


class Replied(NamedTuple):
    """What a pod answered: status, headers (small letters), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Cluster(Protocol):
    """Objects of the namespace; those of kinds that have none (Node) are the cluster's. May be shared by threads."""

    namespace: str

    def get(self, kind: Kind, name: str) -> Object | None:
        """One object; None where there is none."""

    def list(
        self, kind: Kind, labels: Mapping[str, str] | None = None, *, everywhere: bool = False
    ) -> Sequence[Object]:
        """All that have these labels, by name, of all namespaces if `everywhere`; none where the kind is not served."""

    def apply(self, wanted: Object, manager: str, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply: have exactly these fields of ours; as it is now. FieldConflict unless `force`.

        InputError (4) for an object that the server finds invalid. A `dry_run` says what would be, and changes nothing.
        """

    def swap(self, wanted: Object) -> Object | None:
        """Write over the version that `metadata.resourceVersion` names, or make it where that is absent.

        None when somebody else was faster.
        """

    def delete(self, kind: Kind, name: str) -> None:
        """Remove it, and what it owns in the background; does nothing where it is not there."""

    def ask(self, pod: str, port: int, path: str, seconds: float = 5.0) -> Replied | None:
        """GET from a pod through the API server's proxy; None where the pod does not answer."""

    def said(self, pod: str, lines: int, *, previous: bool = False) -> Sequence[str]:
        """Newest lines of its container, or of the one before that one; none where they cannot be had."""

    def allowed(self, asked: Asked) -> bool:
        """Whether we may do it in this namespace (for nodes: at all), by the server's own word."""

    def versions(self, group: str) -> Sequence[str]:
        """The versions of a group that the server serves, the preferred one first; none for an unknown group."""
