"""Tells whoever watches what changes in a rollout, each thing once, and keeps the moments."""

from collections.abc import Callable
from datetime import datetime

from mlagent.core.ports.cluster import Cluster
from mlagent.rollout.progress import Moment, Timeline, counted, events, moment, timeline
from mlagent.rollout.seen import PodSeen, Seen
from mlagent.rollout.state import PHASES, Phase, State

LINES = 5  # of a faulty pod's log


class Teller:
    """Remembers what was said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Nothing was said yet."""
        self._say = say
        self._moments: list[Moment] = []
        self._told: set[str] = set()
        self._phase: Phase | None = None
        self._counted = ""

    def tell(self, state: State, seen: Seen, now: datetime, cluster: Cluster) -> None:
        """Say what is new."""
        said = []
        for event, pod in events(state, seen):
            if event not in self._told:
                self._told.add(event)
                said += [event, *(_log(cluster, pod) if pod else ())]
        if state.phase != self._phase:
            self._phase = state.phase
            said.append(f"{state.phase}: {state.reason or PHASES[state.phase]}")
        line = counted(state, seen)
        new = line != self._counted
        self._counted = line
        for one in (*said, *([line] if new else ())):
            self._say(one)
        if said or new:
            self._moments.append(moment(state, seen, now, said[0] if said else ""))

    def timeline(self, state: State) -> Timeline:
        """All moments."""
        return timeline(state, self._moments)


def _log(cluster: Cluster, pod: PodSeen) -> list[str]:
    """The newest lines of the container that failed."""
    previous = pod.fault is not None and pod.fault.what in ("crash-loop", "out-of-memory") and pod.restarts > 0
    return [f"  {pod.name} said: {line}" for line in cluster.said(pod.name, LINES, previous=previous)]
