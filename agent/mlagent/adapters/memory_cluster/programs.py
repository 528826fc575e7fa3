"""What pods of an image do: how long they take to be ready, what goes wrong with them, what they answer."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from mlagent.core.ports.cluster import Replied

Wrong = Literal["", "unready", "crash", "pull", "memory", "config", "unschedulable"]


def _silent(port: int, path: str) -> Replied | None:
    del port, path
    return None


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """Ready after `starts` ticks unless something is `wrong`; `ends` is how many ticks it takes to go.

    `answer` is handed port and path; `lines` is its log.
    """

    starts: int = 1
    ends: int = 1
    wrong: Wrong = ""
    answer: Callable[[int, str], Replied | None] = _silent
    lines: tuple[str, ...] = ()


PLAIN = Program()
_OOM = {"reason": "OOMKilled", "exitCode": 137}
_ERROR = {"reason": "Error", "exitCode": 1}
_STATES: Mapping[str, Mapping[str, Any]] = {
    "crash": {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        "lastState": {"terminated": _ERROR},
        "restartCount": 2,
    },
    "pull": {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}},
    "memory": {"state": {"running": {}}, "lastState": {"terminated": _OOM}, "restartCount": 1},
    "config": {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "none" not found'}}},
}


def status(program: Program, name: str, age: int) -> dict[str, Any]:
    """Of a pod that has lived for so many ticks."""
    ready = not program.wrong and age >= program.starts
    conditions = [{"type": "Ready", "status": str(ready)}]
    if program.wrong == "unschedulable":
        said = {"reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}
        return {"phase": "Pending", "conditions": [*conditions, {"type": "PodScheduled", "status": "False", **said}]}
    plain = {"name": name, "ready": ready, "restartCount": 0, "imageID": "", "state": {"running": {}}, "lastState": {}}
    wrong = _STATES.get(program.wrong, {}) if age >= program.starts else {}
    return {"phase": "Running", "conditions": conditions, "containerStatuses": [plain | dict(wrong)]}
