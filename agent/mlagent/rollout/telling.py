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
        self._new: list[str] = []
        self._phase: Phase | None = None
        self._counted = ""

    def notice(self, state: State, seen: Seen, cluster: Cluster) -> None:
        """Say what is new of pods and edits; before any act, since the log of a pod goes with it."""
        for event, pod in events(state, seen):
            if event not in self._told:
                self._told.add(event)
                self._new += [event]
                self._say(event)  # before its log is asked for: the cluster may be away just then
                for line in _log(cluster, pod) if pod else ():
                    self._say(line)

    def tell(self, state: State, seen: Seen, now: datetime) -> None:
        """Say how far it is, once the acts are done; and keep the moment where anything is new."""
        if state.phase != self._phase:
            self._phase = state.phase
            self._new.append(f"{state.phase}: {state.reason or PHASES[state.phase]}")
            self._say(self._new[-1])
        line = counted(state, seen)
        if line != self._counted:
            self._say(line)
        if self._new or line != self._counted:
            self._moments.append(moment(state, seen, now, self._new[0] if self._new else ""))
        self._counted, self._new = line, []

    def timeline(self, state: State) -> Timeline:
        """All moments."""
        return timeline(state, self._moments)


def _log(cluster: Cluster, pod: PodSeen) -> list[str]:
    """The newest lines of the container that failed."""
    previous = pod.fault is not None and pod.fault.what in ("crash-loop", "out-of-memory") and pod.restarts > 0
    return [f"  {pod.name} said: {line}" for line in cluster.said(pod.name, LINES, previous=previous)]
