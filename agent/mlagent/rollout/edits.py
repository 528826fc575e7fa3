"""Who else has set fields of the Deployment's spec, as its managed fields tell; and how such fields become ours."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlagent.core.ports.cluster import Object
from mlagent.rollout.names import ASKS, MANAGER, NOTES, PAUSER
from mlagent.rollout.objects import SCALER
from mlagent.rollout.seen import Edit

OURS = frozenset({MANAGER, NOTES, ASKS, PAUSER, SCALER})
CLUSTER = frozenset({"kube-controller-manager"})  # it counts, and scales for an autoscaler
SPEC, TEMPLATE, ITSELF = "f:spec", "f:template", "."
Fields = dict[str, Any]


def edits(deployment: Object) -> tuple[Edit, ...]:
    """By manager and field, in the order in which the server keeps them."""
    return tuple(
        Edit(who=entry["manager"], field=field, when=entry.get("time", ""))
        for entry in _others(deployment)
        if SPEC in _fields(entry)
        for field in _spelled(_fields(entry)[SPEC], "spec")
    )


def owns_number(deployment: Object) -> bool:
    """Whether we say how many pods there are."""
    managed = deployment["metadata"].get("managedFields") or ()
    return any(one["manager"] == MANAGER and "f:replicas" in _fields(one).get(SPEC, {}) for one in managed)


def reclaimed(deployment: Object) -> Object | None:
    """The same with all fields of the template as ours, to be swapped in; None where none is anybody else's.

    Server-side apply removes of a template only what was ours before and is not any more. So what somebody has added
    goes when it is made ours first, and then our manifest is applied without it.
    """
    taken: Fields = {}
    for entry in _others(deployment):
        _merge(taken, _fields(entry).get(SPEC, {}).get(TEMPLATE, {}))
    if not taken:
        return None
    found = copy.deepcopy(dict(deployment))
    managed = [_without_template(one) if one["manager"] not in OURS | CLUSTER else one for one in _managed(found)]
    _merge(_ours(managed), {SPEC: {TEMPLATE: taken}})
    found["metadata"]["managedFields"] = [one for one in managed if one["fieldsV1"]]
    return found


def _others(deployment: Object) -> Iterator[Mapping[str, Any]]:
    for entry in _managed(deployment):
        if entry["manager"] not in OURS | CLUSTER:
            yield entry


def _managed(deployment: Object) -> list[dict[str, Any]]:
    return list(deployment["metadata"].get("managedFields") or ())


def _fields(entry: Mapping[str, Any]) -> Fields:
    found: Fields = entry.get("fieldsV1") or {}
    return found


def _ours(managed: list[dict[str, Any]]) -> Fields:
    """The fields that we have applied, to be written to."""
    found = next((one for one in managed if (one["manager"], one["operation"]) == (MANAGER, "Apply")), None)
    if found is None:
        found = {"manager": MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
        managed.append(found)
    fields: Fields = found.setdefault("fieldsV1", {})
    return fields


def _without_template(entry: dict[str, Any]) -> dict[str, Any]:
    spec = {key: one for key, one in _fields(entry).get(SPEC, {}).items() if key != TEMPLATE}
    rest = {key: one for key, one in _fields(entry).items() if key != SPEC}
    return entry | {"fieldsV1": rest | ({SPEC: spec} if set(spec) - {ITSELF} else {})}


def _merge(into: Fields, more: Fields) -> None:
    for key, below in more.items():
        _merge(into.setdefault(key, {}), below)


def _spelled(fields: Fields, path: str) -> Iterator[str]:
    """Each field as people write it; of a list's item that is all theirs, the item."""
    below = {key: one for key, one in fields.items() if key != ITSELF}
    if not below or (ITSELF in fields and path.endswith("]")):
        yield path
        return
    for key, one in below.items():
        yield from _spelled(one, path + _step(key))


def _step(key: str) -> str:
    kind, _, name = key.partition(":")
    if kind == "f":
        return f".{name}"
    found = json.loads(name)
    if kind == "k":
        return "[" + ",".join(f"{one}={value}" for one, value in found.items()) + "]"
    return f"[{found}]"
