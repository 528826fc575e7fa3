"""Readings of a placement's pods that outlive the pods: what one counted before it went, or began anew, is kept."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from mlagent.core.ports.cluster import Cluster
from mlagent.rollout.counters import Counters, by_pod, parse, query, total
from mlagent.rollout.names import METRICS_PORT
from mlagent.rollout.seen import PodSeen

PATH = "/metrics"
OK = 200
Series = Callable[[str], Sequence[tuple[Mapping[str, str], float]]]
"""Asks Prometheus: labels and value of each series that a query names."""


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """The last reading of each process (`UID@STARTED` of its pod), the restarts of each pod (by uid) ever seen.

    `unread` says of which pods nothing could be read this time, and why.
    """

    counts: Mapping[str, Counters] = {}
    restarts: Mapping[str, int] = {}
    unread: tuple[str, ...] = ()

    @property
    def total(self) -> Counters:
        """All that was counted; ValueError where the pods' histograms do not fit together."""
        return total(self.counts.values())

    @property
    def restarted(self) -> int:
        """How often containers began anew, in all pods."""
        return sum(self.restarts.values())


def read(cluster: Cluster, pods: Sequence[PodSeen], before: Readings = Readings()) -> Readings:  # noqa: B008 - frozen
    """Ask each pod for its own counters, through the API server."""
    return _kept(pods, {one.name: _asked(cluster, one) for one in pods}, before)


def read_kept(series: Series, namespace: str, pods: Sequence[PodSeen], before: Readings = Readings()) -> Readings:  # noqa: B008 - frozen
    """Ask Prometheus for what it read of these pods last; it may be one scrape behind."""
    names = [one.name for one in pods]
    found = by_pod(series(query(namespace, names))) if names else {}
    none = ValueError("Prometheus has no series with this `namespace` and `pod`")
    return _kept(pods, {name: found.get(name, none) for name in names}, before)


def _asked(cluster: Cluster, pod: PodSeen) -> Counters | ValueError:
    replied = cluster.ask(pod.name, METRICS_PORT, PATH)
    if replied is None:
        return ValueError("it does not answer")
    if replied.status != OK:
        return ValueError(f"it answers {replied.status}")
    try:
        return parse(replied.body.decode())
    except ValueError as error:
        return error


def _kept(pods: Sequence[PodSeen], found: Mapping[str, Counters | ValueError], before: Readings) -> Readings:
    counts, restarts, unread = dict(before.counts), dict(before.restarts), []
    for pod in pods:
        restarts[pod.uid] = max(pod.restarts, restarts.get(pod.uid, 0))
        one = found[pod.name]
        if isinstance(one, ValueError):
            unread.append(f"{pod.name}: {one}")
            continue
        process = f"{pod.uid}@{one.started!r}"
        if process not in counts or counts[process].requests <= one.requests:
            counts[process] = one
    return Readings(counts=counts, restarts=restarts, unread=tuple(unread))
