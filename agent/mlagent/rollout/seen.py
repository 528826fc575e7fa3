"""What was seen in the cluster at one moment: plain facts, from which alone the controller decides."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from mlagent.core.verdict import Verdict
from mlagent.rollout.state import Ask

RESTARTED = "kubectl.kubernetes.io/restartedAt"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a pod will not get well by waiting; `said` is in the cluster's words."""

    what: Literal["crash-loop", "image-pull", "out-of-memory", "not-created"]
    said: str


class PodSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One pod that is not being deleted; `placement` is its template's id, empty for one that is not ours."""

    name: str
    uid: str
    placement: str
    ready: bool
    restarts: int = 0
    image_id: str = ""
    fault: Fault | None = None
    waiting: str = ""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the Deployment's spec that somebody else has set: who (a field manager), which, when (RFC 3339)."""

    who: str
    field: str
    when: str = ""

    @property
    def template(self) -> bool:
        """Whether it changes what the pods are; `kubectl rollout restart` only has them made anew."""
        return self.field.startswith("spec.template") and RESTARTED not in self.field

    def __str__(self) -> str:
        return f"{self.who} has set {self.field}" + (f" at {self.when}" if self.when else "")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod says it serves: the version in its answers, the digest of the model it loaded; empty for none."""

    version: str = ""
    model: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The Deployment and its pods.

    `template` is the placement of the template it has now (empty: no Deployment, or one that is not ours), `settled`
    whether its controller has seen that; `wanted` its replicas; `overdue` says that its progress deadline has passed,
    `refused` why its controller cannot make pods (a quota, say). `leaving` counts pods that are being deleted.
    `answers` are by pod, for those that were asked; `judged` is the verdict on the counters of the target's pods;
    `quiet_seconds` is for how long nothing has got further, as far as whoever drives has seen.
    """

    exists: bool
    template: str = ""
    settled: bool = False
    paused: bool = False
    wanted: int = 0
    pods: tuple[PodSeen, ...] = ()
    leaving: int = 0
    overdue: str = ""
    refused: str = ""
    edits: tuple[Edit, ...] = ()
    asked: Ask | None = None
    answers: Mapping[str, Answer] = {}
    judged: Verdict | None = None
    quiet_seconds: float = 0.0

    def of(self, placement: str) -> list[PodSeen]:
        """The pods of a placement."""
        return [one for one in self.pods if one.placement == placement]

    def ready(self, placement: str) -> int:
        """How many of them are ready."""
        return sum(one.ready for one in self.of(placement))
