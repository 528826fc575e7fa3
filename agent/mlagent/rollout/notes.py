"""What is written down on the Deployment, beside its fields: how far its rollout is, and what served in full."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlagent.core.ports.cluster import Cluster, Object
from mlagent.rollout import names, standing
from mlagent.rollout.release import Placed
from mlagent.rollout.state import State

MOST = 10  # of what served in full: as many as the cluster keeps templates of


def write(cluster: Cluster, live: Object, state: State) -> None:
    """Write the state where it is not there already; what is done has served in full."""
    wanted = of(state, standing.history(live))
    there = live["metadata"].get("annotations", {})
    if any(there.get(name) != text for name, text in wanted.items()):
        note = named(cluster, live["metadata"]["name"])
        note["metadata"]["annotations"] = dict(wanted)
        cluster.apply(note, names.NOTES, force=True)


def of(state: State, history: Sequence[Placed]) -> Mapping[str, str]:
    """The notes, by name."""
    served = history_with(state.target, history) if state.phase == "done" else history
    found = {names.ROLLOUT: _text(state)}
    return found | ({names.HISTORY: _text(list(served))} if served else {})


def history_with(placed: Placed, history: Sequence[Placed]) -> list[Placed]:
    """The newest first, each template once."""
    return [placed, *(one for one in history if one.id != placed.id)][:MOST]


def named(cluster: Cluster, model: str) -> dict[str, Any]:
    """The Deployment with nothing but its name, to be applied by those who set a field or two."""
    kind = names.DEPLOYMENT
    metadata = {"name": model, "namespace": cluster.namespace}
    return {"apiVersion": kind.api, "kind": kind.name, "metadata": metadata}


def _text(told: object) -> str:
    return msgspec.json.encode(told).decode()
