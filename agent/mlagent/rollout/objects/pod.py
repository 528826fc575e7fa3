"""The pods' template, and the placement that it is: its own content names it."""

import re
from typing import Any

from mlagent.core import digest
from mlagent.rollout import names
from mlagent.rollout.objects.container import (
    GPU,
    TEMPORARY,
    TEMPORARY_SIZE,
    TOKEN,
    TOKEN_FILE,
    container,
    grace_seconds,
)
from mlagent.rollout.objects.wanted import Wanted

USER = 65532
ZONES = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
_TAINT = re.compile(r"(?P<key>[^=:]+)(=(?P<value>[^:]*))?:(?P<effect>.+)")


def template(wanted: Wanted) -> dict[str, Any]:
    """Give it with its placement's label, by which its pods are told from those of others, and are spread."""
    found, name = _bare(wanted), placement(wanted)
    found["metadata"]["labels"][names.PLACEMENT] = name
    found["spec"]["topologySpreadConstraints"] = [_spread(zone, wanted.model, name) for zone in ZONES]
    return found


def placement(wanted: Wanted) -> str:
    """The template's id: twelve hex digits of its digest. What is not in it (a build, a commit) makes no other one."""
    return digest.short(digest.of_json(_bare(wanted)))


def tolerations(wanted: Wanted) -> list[dict[str, str]]:
    """Those that settings name, and with GPUs the one that nodes with GPUs are commonly given."""
    found = [_toleration(one) for one in wanted.settings.tolerations]
    gpus = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
    return found + ([gpus] if wanted.settings.gpus and gpus not in found else [])


def _bare(wanted: Wanted) -> dict[str, Any]:
    release = wanted.release
    return {
        "metadata": {
            "labels": dict(names.labels(wanted.model, wanted.environment, release.called)),
            "annotations": {names.IMAGE: release.digest, names.MODEL: release.onnx, names.VERSION: release.called},
        },
        "spec": {
            "serviceAccountName": wanted.model,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": grace_seconds(wanted),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **_places(wanted),
            "containers": [container(wanted)],
            "volumes": [{"name": TEMPORARY, "emptyDir": {"sizeLimit": TEMPORARY_SIZE}}, *_token(wanted)],
        },
    }


def _token(wanted: Wanted) -> list[dict[str, Any]]:
    """The Secret that holds the callers' token, as a folder: the server reads it again when it is renewed."""
    name, _, key = (wanted.settings.token or "").partition("/")
    items = [{"key": key, "path": TOKEN_FILE.rpartition("/")[2]}]
    return [{"name": TOKEN, "secret": {"secretName": name, "items": items, "defaultMode": 0o444}}] if name else []


def _places(wanted: Wanted) -> dict[str, Any]:
    selector, tolerated = wanted.settings.node_selector, tolerations(wanted)
    return ({"nodeSelector": dict(selector)} if selector else {}) | ({"tolerations": tolerated} if tolerated else {})


def _spread(zone: str, model: str, name: str) -> dict[str, Any]:
    """Not all on one node, nor in one zone, where there are several; better together than not at all."""
    return {
        "maxSkew": 1,
        "topologyKey": zone,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": names.selector(model) | {names.PLACEMENT: name}},
    }


def _toleration(text: str) -> dict[str, str]:
    """Read KEY=VALUE:EFFECT, or KEY:EFFECT for any value."""
    found = _TAINT.fullmatch(text)
    assert found, text  # noqa: S101 - the section has refused any other form
    if found["value"] is None:
        return {"key": found["key"], "operator": "Exists", "effect": found["effect"]}
    return {"key": found["key"], "operator": "Equal", "value": found["value"], "effect": found["effect"]}
