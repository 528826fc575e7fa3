"""A model in a cluster that is in memory: releases that answer as they should or do not, and a clock that ticks it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mlagent.adapters.memory_cluster import MemoryCluster, Program
from mlagent.core.ports.cluster import Object, Replied
from mlagent.core.release import Release
from mlagent.rollout import names, standing
from mlagent.rollout.drive import Driven, Means, drive
from mlagent.rollout.look import look
from mlagent.rollout.reasons import Limits
from mlagent.rollout.release import Placed
from mlagent.rollout.seen import Seen
from mlagent.rollout.state import State
from tests.rollout_house import placed, release

MODEL = "risk"
START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
PROGRESS_SECONDS = 20.0


def manifest(version: int, *, replicas: int | None = 3, surge: int | str = 1) -> dict[str, Any]:
    """The Deployment of a version; no number of pods for one that is scaled."""
    made = release(version)
    labels = {**names.selector(MODEL), names.PLACEMENT: f"p{version}", "app.kubernetes.io/version": str(version)}
    containers = [{"name": names.CONTAINER, "image": made.image, "env": [{"name": "A", "value": str(version)}]}]
    spec = {
        "selector": {"matchLabels": names.selector(MODEL)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": surge}},
        "progressDeadlineSeconds": int(PROGRESS_SECONDS),
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    number = {} if replicas is None else {"replicas": replicas}
    metadata = {"name": MODEL, "labels": names.labels(MODEL, "staging", str(version))}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec | number}


def answering(made: Release) -> Callable[[int, str], Replied | None]:
    """As our server does that serves this release."""

    def answer(port: int, path: str) -> Replied | None:
        if (port, path) == (names.PORT, f"/v2/models/{MODEL}"):
            return Replied(200, {"x-model-version": made.called}, b"{}")
        if (port, path) == (names.METRICS_PORT, "/metrics"):
            info = f'mlagent_serving_model_info{{digest="{made.onnx}"}} 1\nprocess_start_time_seconds 1.5\n'
            return Replied(200, {}, info.encode())
        return Replied(404, {}, b"")

    return answer


class Place:
    """A cluster, and a clock that it follows: each wait lets the cluster go on by as many seconds."""

    def __init__(self, **programs: Mapping[str, Any]) -> None:
        """Versions as `v2={"wrong": "crash"}`; those that are not named work."""
        self.cluster = MemoryCluster("risk-staging")
        for version in range(1, 6):
            made = release(version)
            plain = Program(answer=answering(made), lines=(f"version {version} says so",))
            changed = msgspec.structs.replace(plain, **programs.get(f"v{version}", {}))
            self.cluster.programs[made.image] = changed
        self.time = START
        self.said: list[str] = []
        self.saved: list[State] = []
        self.least: int | None = None
        self.meanwhile: Callable[[int], None] = lambda _: None
        self.held: Callable[[], None] = lambda: None
        self.turns = 0

    def serve(self, version: int, replicas: int | None = 3) -> Placed:
        """Have a version serve alone, brought by a rollout."""
        ended = self.deploy(version, stable=None, replicas=replicas)
        assert ended.state.phase == "done", self.said
        self.said.clear()
        self.saved.clear()
        self.least = self.ready
        return ended.state.target

    def deploy(
        self, version: int, stable: Placed | None, *, overwrite: bool = False, replicas: int | None = 3
    ) -> Driven:
        """Bring a version in the place of another."""
        return self.drive(self.begun(version, stable), manifest(version, replicas=replicas), overwrite=overwrite)

    def begun(self, version: int, stable: Placed | None, **changes: Any) -> State:
        """A rollout of which the intent is known."""
        now = self.time.isoformat()
        plain: dict[str, Any] = {"kind": "deploy", "target": placed(version, since=""), "stable": stable}
        return State(**(plain | {"began": now, "since": now} | changes))

    def drive(self, state: State, wanted: Object | None = None, *, overwrite: bool = False) -> Driven:
        """To its end."""
        return drive(self.means(), state, wanted, overwrite=overwrite)

    def means(self, **changes: Any) -> Means:
        """Those of this place."""
        plain: dict[str, Any] = {
            "cluster": self.cluster,
            "model": MODEL,
            "limits": Limits(progress_seconds=PROGRESS_SECONDS),
            "patience_seconds": 15.0,
            "now": lambda: self.time,
            "wait": self.wait,
            "say": self.said.append,
            "remember": self.saved.append,
            "held": self._held,
        }
        return Means(**(plain | changes))

    def wait(self, seconds: float) -> None:
        """A tick is a second, or what is taken for one."""
        self.time += timedelta(seconds=max(1.0, seconds))
        self.cluster.tick()
        self.turns += 1
        if self.least is not None:
            self.least = min(self.least, self.ready)
        self.meanwhile(self.turns)

    def _held(self) -> None:
        self.held()

    @property
    def seen(self) -> Seen:
        """What is to be seen."""
        away, self.cluster.away = self.cluster.away, False
        try:
            return look(self.cluster, MODEL)
        finally:
            self.cluster.away = away

    @property
    def ready(self) -> int:
        """Pods of any version."""
        return sum(one.ready for one in self.seen.pods)

    @property
    def live(self) -> Any:
        """The Deployment."""
        return self.cluster.objects[names.DEPLOYMENT, MODEL]

    def serves(self) -> list[str]:
        """The placements of the pods that are ready."""
        return sorted(one.placement for one in self.seen.pods if one.ready)

    def noted(self) -> State | None:
        """The note on the Deployment."""
        return standing.rollout(self.live)

    def by_hand(self, change: Callable[[Any], None], manager: str = "kubectl-edit") -> None:
        """As somebody edits it."""
        live: Any = self.cluster.get(names.DEPLOYMENT, MODEL)
        change(live)
        assert self.cluster.edit(live, manager) is not None
