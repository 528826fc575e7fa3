"""Why a pod does not get well, by what its containers say; and what one waits for that may."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mlagent.core.ports.cluster import Object
from mlagent.rollout.seen import Fault

What = Literal["crash-loop", "image-pull", "out-of-memory", "not-created"]
OFTEN = 2  # restarts after which a container that fails is taken for one that will go on failing
AT_ONCE: Mapping[str, What] = {
    "CrashLoopBackOff": "crash-loop",
    "ImagePullBackOff": "image-pull",
    "InvalidImageName": "image-pull",
    "ErrImageNeverPull": "image-pull",
    "CreateContainerConfigError": "not-created",
    "CreateContainerError": "not-created",
    "RunContainerError": "not-created",
}  # ErrImagePull is not among them: the next try may work, and ImagePullBackOff follows where it does not


def fault(pod: Object) -> Fault | None:
    """The first one there is."""
    return next(_faults(pod), None)


def waiting(pod: Object) -> str:
    """What the pod waits for, in the cluster's words; empty where it runs."""
    return next(_waiting(pod), "")


def containers(pod: Object) -> list[Mapping[str, Any]]:
    """What is known of its containers, of those that run first too."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _faults(pod: Object) -> Iterator[Fault]:
    for one in containers(pod):
        last = _ended(one)
        state = one.get("state", {}).get("waiting") or {}
        if last.get("reason") == "OOMKilled":
            yield Fault(what="out-of-memory", said=f"container {one['name']} was killed: {_said(last)}")
        if state.get("reason") in AT_ONCE:
            ended = f"; it ended with {_said(last)}" if last else ""
            yield Fault(what=AT_ONCE[state["reason"]], said=f"container {one['name']}: {_said(state)}{ended}")
        if last.get("exitCode") and one.get("restartCount", 0) >= OFTEN:
            said = f"container {one['name']} has ended {one['restartCount']} times, last with {_said(last)}"
            yield Fault(what="crash-loop", said=said)


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How it ended last; nothing where it has not."""
    for state in ("state", "lastState"):
        found = (container.get(state) or {}).get("terminated")
        if found:
            ended: Mapping[str, Any] = found
            return ended
    return {}


def _waiting(pod: Object) -> Iterator[str]:
    for one in pod.get("status", {}).get("conditions") or ():
        if one["type"] == "PodScheduled" and one["status"] == "False":
            yield _said(one)
    for one in containers(pod):
        state = one.get("state", {}).get("waiting")
        if state:
            yield _said(state)


def _said(state: Mapping[str, Any]) -> str:
    """Reason, exit code and message, as far as they are there."""
    code = f"exit code {state['exitCode']}" if "exitCode" in state else ""
    return ", ".join(filter(None, (state.get("reason", ""), code, state.get("message", "").strip())))
