"""Releases, placements and environments made by hand, for tests of what is decided about them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mlagent.core.release import Release
from mlagent.rollout.names import HISTORY, ROLLOUT
from mlagent.rollout.release import Placed
from mlagent.rollout.seen import PodSeen, Seen
from mlagent.rollout.standing import Standing, of
from mlagent.rollout.state import State

SINCE = "2026-01-02T03:00:00.000+00:00"


def release(version: int, **changes: Any) -> Release:
    """Version n of `risk`, made by build 10 n."""
    plain: dict[str, Any] = {
        "model": "risk",
        "image": f"registry.example/risk@sha256:{version:064x}",
        "version": version,
        "onnx": f"sha256:{version + 1000:064x}",
        "build": version * 10,
    }
    return Release(**(plain | changes))


def placed(version: int, since: str = SINCE, **changes: Any) -> Placed:
    """That version in a template called `p<n>`."""
    return Placed(id=f"p{version}", release=release(version, **changes), since=since)


def pods(placement: str, ready: int, unready: int = 0) -> tuple[PodSeen, ...]:
    """So many of a placement."""
    made = [(at, at < ready) for at in range(ready + unready)]
    return tuple(
        PodSeen(name=f"risk-{placement}-{at}", uid=f"{placement}-{at}", placement=placement, ready=one)
        for at, one in made
    )


def state(version: int, stable: int | None = None, **changes: Any) -> State:
    """A rollout to a version, done unless it is said otherwise."""
    plain: dict[str, Any] = {
        "kind": "deploy",
        "phase": "done",
        "target": placed(version, since=""),
        "stable": None if stable is None else placed(stable),
        "began": SINCE,
        "since": SINCE,
    }
    return State(**(plain | changes))


def deployment(history: Sequence[Placed] = (), rollout: State | None = None) -> dict[str, Any]:
    """A Deployment with nothing but its name and our notes."""
    notes = {HISTORY: msgspec.json.encode(list(history)).decode()} if history else {}
    notes |= {ROLLOUT: msgspec.json.encode(rollout).decode()} if rollout else {}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "risk", "annotations": notes}}


def standing(
    template: str, history: Sequence[Placed], rollout: State | None = None, *, ready: int = 2, wanted: int = 2
) -> Standing:
    """An environment whose pods all are of one template."""
    seen = Seen(exists=True, template=template, settled=True, wanted=wanted, pods=pods(template, ready, wanted - ready))
    return of(deployment(history, rollout), seen, "staging", "risk-staging")
