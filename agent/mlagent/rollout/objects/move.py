"""The Deployment with another of its templates, and who says how many pods it has."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mlagent.core.ports.cluster import Object
from mlagent.rollout import names
from mlagent.rollout.objects.metadata import VERSION

SCALER = "mlagent-scale"
"""The field manager that holds spec.replicas while it passes from us to an autoscaler, or back."""

KEPT = ("replicas", "selector", "strategy", "progressDeadlineSeconds", "revisionHistoryLimit", "minReadySeconds")
HASH = "pod-template-hash"
_SCALERS = ("kube-controller-manager", SCALER)


def moved(live: Object, template: Object, *, hpa: bool) -> Object:
    """Give the Deployment to apply so that it has this template: an older ReplicaSet's, as it is there.

    All that is ours of the live one is kept; what the server sets, notes, a pause and under an autoscaler the number of
    pods are left out. Applied with force this takes back our fields; what somebody has added to the template in places
    of their own stays (server-side apply removes no fields of others): write it over with `swap` where that must go.
    """
    spec = {key: live["spec"][key] for key in KEPT if key in live["spec"] and not (hpa and key == "replicas")}
    found: Object = {
        "apiVersion": names.DEPLOYMENT.api,
        "kind": names.DEPLOYMENT.name,
        "metadata": _metadata(live["metadata"], template),
        "spec": {**copy.deepcopy(spec), "template": _template(template)},
    }
    return found


def handover(live: Object | None, wanted: Object) -> Object | None:
    """Give what to apply first, by SCALER and with force, so that the number of pods does not jump; None for nothing.

    Who leaves out a field that it has set, and nobody else has, removes it: a Deployment without a number of pods has
    one. So before an autoscaler takes over, another manager holds the number that there is. And where one has scaled,
    its number is in the way of ours: before we take over, the other manager sets ours, and we set the same.
    """
    if live is None:
        return None
    owners = set(_owners(live))
    if "replicas" not in wanted["spec"]:
        return _number(live, live["spec"]["replicas"]) if names.MANAGER in owners else None
    number = wanted["spec"]["replicas"]
    if number != live["spec"].get("replicas") and owners & set(_SCALERS):
        return _number(live, number)
    return None


def _metadata(metadata: Mapping[str, Any], template: Object) -> dict[str, Any]:
    version = template["metadata"].get("labels", {}).get(VERSION)
    labels = {key: text for key, text in metadata.get("labels", {}).items() if key.startswith("app.kubernetes.io/")}
    where = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {**where, "labels": labels | ({VERSION: version} if version else {})}


def _template(template: Object) -> dict[str, Any]:
    found = copy.deepcopy(dict(template))
    found["metadata"] = {
        key: {name: text for name, text in found["metadata"][key].items() if name != HASH}
        for key in ("labels", "annotations")
        if found["metadata"].get(key)
    }
    return found


def _owners(live: Object) -> Iterator[str]:
    """The managers that have set the number of pods."""
    for entry in live["metadata"].get("managedFields", ()):
        if "f:replicas" in (entry.get("fieldsV1") or {}).get("f:spec", {}):
            yield entry["manager"]


def _number(live: Object, number: int) -> Object:
    metadata = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    spec = {"replicas": number}
    return {"apiVersion": names.DEPLOYMENT.api, "kind": names.DEPLOYMENT.name, "metadata": metadata, "spec": spec}
