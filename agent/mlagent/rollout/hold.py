"""One deployer at a time in an environment: by a Lease, which is renewed while its holder lives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import msgspec

from mlagent.core.ports.cluster import Cluster, Object
from mlagent.errors import Held, InfrastructureError
from mlagent.rollout import names, process

SECONDS = 15
MARK = "mlagent.io/process"  # annotation: what is known of the holder's process
POLL_SECONDS = 0.5


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Time: of day (UTC), in seconds from anywhere, and a wait in seconds."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = monotonic
    wait: Callable[[float], None] = sleep


SYSTEM = Clock()


@contextmanager
def held(
    cluster: Cluster, model: str, who: str, *, say: Callable[[str], None], clock: Clock = SYSTEM
) -> Iterator[Callable[[], None]]:
    """Hold it for the block; gives what raises Held (21) once it was lost.

    Held where a living process has it. One that died on this machine is known to be dead; of another one its silence
    tells, for which this waits. `who` is the run or the person, for the next one who comes.
    """
    lease = _Lease(cluster, model, f"{process.called()}, {who}", clock)
    lease.take(say)
    stop = threading.Event()
    thread = threading.Thread(target=lease.keep, args=(stop,), name="lease", daemon=True)
    thread.start()
    try:
        yield lease.check
    finally:
        stop.set()
        thread.join()
        lease.release()


def holder(cluster: Cluster, model: str) -> str:
    """Who has it; empty for nobody, for a process that is known to be dead, and for one that has been silent too long.

    Silence is by the clocks of both machines here, since a look does not wait.
    """
    found = cluster.get(names.LEASE, model)
    if found is None or _dead(found):
        return ""
    return (
        _holder(found) if _age(found, datetime.now(UTC)) <= found["spec"].get("leaseDurationSeconds", SECONDS) else ""
    )


class _Lease:
    """The object, as this process wrote it last."""

    def __init__(self, cluster: Cluster, model: str, identity: str, clock: Clock) -> None:
        self._cluster, self._model, self._identity, self._clock = cluster, model, identity, clock
        self._object: Object = {}
        self._renewed = 0.0
        self._lost = ""
        self._lock = threading.Lock()

    def take(self, say: Callable[[str], None]) -> None:
        """Have it, or Held; waits while it cannot be told whether its holder lives."""
        first = found = self._cluster.get(names.LEASE, self._model)
        began, told = self._clock.seconds(), False
        while found is not None and _holder(found) and not _dead(found):
            if first is None or _version(found) != _version(first):
                raise self._has(found)
            if self._clock.seconds() - began > found["spec"].get("leaseDurationSeconds", SECONDS):
                say(f"{_holder(found)} has been silent: going on in its place")
                break
            if not told:
                say(f"{_holder(found)} is at work on it: looking for up to {SECONDS} s whether it lives")
                told = True
            self._clock.wait(POLL_SECONDS)
            found = self._cluster.get(names.LEASE, self._model)
        if not self._write(found, taken=True):
            raise self._has(self._cluster.get(names.LEASE, self._model))

    def keep(self, stop: threading.Event) -> None:
        """Renew it at a third of its time; a cluster that is away is asked again."""
        while not stop.wait(SECONDS / 3):
            try:
                self._renew()
            except InfrastructureError:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, `check` tells it to who works
                self._lost = str(error)
            if self._lost:
                return

    def check(self) -> None:
        """Held once somebody else has it; after a long silence of ours the cluster is asked first."""
        if not self._lost and self._clock.seconds() - self._renewed > SECONDS / 2:
            self._renew()
        if self._lost:
            raise Held(
                f"{self._lost}: this process was silent for too long, and writes nothing more",
                hint="`mlagent rollout status` shows how far the other one is",
            )

    def release(self) -> None:
        """Let the next one have it at once; where that does not work, silence will."""
        with self._lock:
            if self._lost:
                return
            try:
                self._write(self._object, taken=False, identity="")
            except InfrastructureError:
                return

    def _has(self, found: Object | None) -> Held:
        since = f", since {found['spec'].get('acquireTime', '')}" if found else ""
        return Held(
            f"{_holder(found) or 'another process'} is at work on {self._model} in {self._cluster.namespace}{since}",
            hint="wait for it to end; `mlagent rollout status` shows how far it is, `mlagent rollout abort` undoes it",
            seconds=SECONDS,
        )

    def _renew(self) -> None:
        with self._lock:
            if self._lost or self._write(self._object, taken=False):
                return
            found = self._cluster.get(names.LEASE, self._model)
            if found is not None and found["spec"].get("holderIdentity") == self._identity:
                self._write(found, taken=False)
            else:
                self._lost = f"{_holder(found) or 'nobody'} holds {self._model} in {self._cluster.namespace} now"

    def _write(self, before: Object | None, *, taken: bool, identity: str | None = None) -> bool:
        at = self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec: dict[str, Any] = dict(before["spec"]) if before else {"leaseTransitions": 0}
        spec |= {"holderIdentity": self._identity if identity is None else identity, "renewTime": at}
        spec |= {"leaseDurationSeconds": SECONDS}
        if taken:
            spec |= {"acquireTime": at, "leaseTransitions": (spec.get("leaseTransitions") or 0) + (1 if before else 0)}
        metadata = _metadata(before, self._model, self._cluster.namespace)
        wanted = {"apiVersion": names.LEASE.api, "kind": names.LEASE.name, "metadata": metadata, "spec": spec}
        written = self._cluster.swap(wanted)
        if written is None:
            return False
        self._object, self._renewed = written, self._clock.seconds()
        return True


def _metadata(before: Object | None, model: str, namespace: str) -> dict[str, Any]:
    plain = {"name": model, "namespace": namespace, "labels": names.selector(model)}
    kept: dict[str, Any] = dict(before["metadata"] if before else plain)
    kept.pop("managedFields", None)
    return kept | {"annotations": {**kept.get("annotations", {}), MARK: process.mark()}}


def _holder(lease: Object | None) -> str:
    identity: str = (lease["spec"].get("holderIdentity") or "") if lease else ""
    return identity


def _dead(lease: Object) -> bool:
    return process.dead(lease["metadata"].get("annotations", {}).get(MARK, ""))


def _version(lease: Object) -> str:
    version: str = lease["metadata"]["resourceVersion"]
    return version


def _age(lease: Object, now: datetime) -> float:
    renewed = lease["spec"].get("renewTime")
    return (now - datetime.fromisoformat(renewed)).total_seconds() if renewed else 0.0
