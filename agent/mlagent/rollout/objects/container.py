"""The server's container: what it is given, how it is asked how it is, and how it ends."""

import math
from typing import Any

from mlagent.rollout import names
from mlagent.rollout.objects import quantity
from mlagent.rollout.objects.wanted import Wanted

SERVER_DRAINS_SECONDS = 5  # our server after SIGTERM: what the image's command says
SERVER_FINISHES_SECONDS = 3  # and then, for what is in flight
MARGIN_SECONDS = 7
START_FLOOR_SECONDS = 30
START_TIMES = 10
GPU = "nvidia.com/gpu"
READY, LIVE = "/v2/health/ready", "/v2/health/live"
TEMPORARY, TEMPORARY_SIZE = "tmp", "64Mi"
TOKEN, TOKEN_FOLDER = "token", "/var/run/mlagent"
TOKEN_FILE, TOKEN_VARIABLE = f"{TOKEN_FOLDER}/token", "MLAGENT_SERVING_TOKEN_FILE"


def container(wanted: Wanted) -> dict[str, Any]:
    """Give the container, with the same processors and memory as in the load test, and no more.

    What it asks for is also its limit: so it is among the last to be evicted, and as fast as it was measured.
    """
    amounts = resources(wanted)
    return {
        "name": names.CONTAINER,
        "image": wanted.release.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [
            {"name": "http", "containerPort": names.PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": names.METRICS_PORT, "protocol": "TCP"},
        ],
        "env": _environment(wanted),
        "resources": {"requests": amounts, "limits": amounts},
        **_probes(wanted),
        **_ending(wanted),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": TEMPORARY, "mountPath": "/tmp"},  # noqa: S108 - the only place to write
            *([{"name": TOKEN, "mountPath": TOKEN_FOLDER, "readOnly": True}] if wanted.settings.token else []),
        ],
    }


def resources(wanted: Wanted) -> dict[str, str]:
    """What one pod takes."""
    given, gpus = wanted.serving, wanted.settings.gpus
    found = {"cpu": quantity.cpus(given.cpus), "memory": quantity.mebibytes(given.memory_mb)}
    return found | ({GPU: str(gpus)} if gpus else {})


def start_budget(wanted: Wanted) -> int:
    """Seconds after which a server that is not ready is started again.

    Ten times what the load test measured, since a node that pulls images and starts others at the same time is slower
    than the one that measured; in steps of 30, 60, 120 … seconds, so that another measurement of the same image seldom
    makes another template; never more than serving.start_seconds, never less than 30. Without a measurement it is
    serving.start_seconds.
    """
    most = math.ceil(wanted.serving.start_seconds)
    measured = wanted.measured_start_seconds
    budget = START_FLOOR_SECONDS
    while measured is not None and budget < measured * START_TIMES:
        budget *= 2
    return max(START_FLOOR_SECONDS, most if measured is None else min(most, budget))


def grace_seconds(wanted: Wanted) -> int:
    """From when a pod is told to go until it is killed: the wait before SIGTERM, our server's own end, and a margin."""
    return _wait(wanted) + SERVER_DRAINS_SECONDS + SERVER_FINISHES_SECONDS + MARGIN_SECONDS


def _environment(wanted: Wanted) -> list[dict[str, Any]]:
    settings = wanted.settings
    given = {
        **wanted.serving.variables(),
        **({TOKEN_VARIABLE: TOKEN_FILE} if settings.token else {}),
        **settings.variables,
    }
    plain = [{"name": name, "value": value} for name, value in sorted(given.items())]
    return [
        {"name": "MLAGENT_SERVING_VERSION", "value": wanted.release.called},
        *plain,
        *_references("configMapKeyRef", settings.configuration),
        *_references("secretKeyRef", settings.secrets),
    ]


def _references(kind: str, named: dict[str, str]) -> list[dict[str, Any]]:
    """NAME/KEY as Kubernetes has it; a pod does not start where it is not there."""
    found = []
    for variable, reference in sorted(named.items()):
        name, _, key = reference.partition("/")
        found.append({"name": variable, "valueFrom": {kind: {"name": name, "key": key}}})
    return found


def _probes(wanted: Wanted) -> dict[str, Any]:
    """Asked on the port of those who watch; a start is looked at each second, so that a rollout loses no time."""
    return {
        "startupProbe": _probe(READY, period=1, timeout=2, failures=start_budget(wanted)),
        "readinessProbe": _probe(READY, period=1, timeout=2, failures=3),
        "livenessProbe": _probe(LIVE, period=10, timeout=5, failures=3),
    }


def _probe(path: str, *, period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "metrics", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _ending(wanted: Wanted) -> dict[str, Any]:
    """Wait before SIGTERM, so that nobody is sent here any more when the server begins to end.

    A pod that is told to go is taken out of the endpoints at the same moment, and each node hears of it a little later.
    """
    seconds = _wait(wanted)
    if not seconds:
        return {}
    command = [wanted.python, "-I", "-S", "-c", f"import time; time.sleep({seconds})"]
    return {"lifecycle": {"preStop": {"exec": {"command": command}}}}


def _wait(wanted: Wanted) -> int:
    return wanted.settings.drain_seconds if wanted.python else 0
