"""What would change in a cluster: live objects against what applying ours would make of them."""

import copy
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlagent.core.ports.cluster import Object
from mlagent.core.ports.ledger import NOTE as LEDGER
from mlagent.rollout import names
from mlagent.rollout.objects import to_yaml

_SET_BY_SERVER = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_NOTES = (
    *(names.ROLLOUT, names.HISTORY, names.ASKED, LEDGER),
    *("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"),
)
_EMPTY: tuple[Any, ...] = (None, {}, [])
_VARIABLES = ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{names.CONTAINER}"}}', "f:env")
HIDDEN = "(set by somebody else, and not shown)"


def differences(pairs: Iterable[tuple[Object | None, Object | None]]) -> str:
    """Give a unified diff of (live, wanted) pairs; nothing where all is as wanted. None stands for no object.

    Both sides are as the server has them (`wanted` is what a dry run of applying it gives), so that its defaults are on
    both; its own notes and ours are on neither. Values of Secrets are in no object of ours: they name where those lie.
    What others put into our pods' environment by hand may be one, so that it is shown by its name alone.
    """
    return "".join(line for live, wanted in pairs for line in _one(live, wanted))


def plain(found: Object) -> Object:
    """Leave out what the server and our notes set."""
    kept = {key: copy.deepcopy(value) for key, value in found.items() if key != "status"}
    metadata = {key: value for key, value in kept["metadata"].items() if key not in _SET_BY_SERVER}
    notes = {key: text for key, text in metadata.pop("annotations", {}).items() if key not in _NOTES}
    kept["metadata"] = _ordered(metadata | ({"annotations": notes} if notes else {}))
    spec = kept.get("spec")
    if spec and "template" in spec:  # the server's own spelling of an empty time
        spec["template"]["metadata"] = {k: v for k, v in spec["template"]["metadata"].items() if v not in _EMPTY}
    return {key: _ordered(kept[key]) for key in _first(kept)}


def _one(live: Object | None, wanted: Object | None) -> Iterator[str]:
    one = wanted or live
    if one is None:
        return
    called = f"{one['kind']}/{one['metadata']['name']}"
    ours = _ours(one)
    before, after = _lines(live, ours), _lines(wanted, ours)
    yield from difflib.unified_diff(
        before, after, called if live else "nothing", called if wanted else "nothing", "(live)", "(wanted)"
    )


def _lines(found: Object | None, ours: frozenset[str] | None) -> list[str]:
    if found is None:
        return []
    shown = plain(found)
    for one in _variables(shown):
        if ours is not None and one.get("value") and one["name"] not in ours:
            one["value"] = HIDDEN
    return to_yaml([shown]).splitlines(keepends=True)[1:]


def _variables(found: Object) -> Iterator[dict[str, Any]]:
    pod = found.get("spec", {}).get("template", {}).get("spec", {})
    for container in (*pod.get("containers", ()), *pod.get("initContainers", ())):
        yield from container.get("env", ())


def _ours(found: Object) -> frozenset[str] | None:
    """Variables that we set, by the server's book of who set what; None for an object that never was on a server."""
    book = found["metadata"].get("managedFields")
    if book is None:
        return None
    fields = [_below(entry.get("fieldsV1", {})) for entry in book if entry.get("manager") == names.MANAGER]
    return frozenset(json.loads(key[2:])["name"] for found in fields for key in found if key.startswith("k:"))


def _below(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in _VARIABLES:
        fields = fields.get(key, {})
    return fields


def _first(kept: Object) -> list[str]:
    head = [key for key in ("apiVersion", "kind", "metadata") if key in kept]
    return head + sorted(key for key in kept if key not in head)


def _ordered(value: Any) -> Any:  # noqa: ANN401 - any of JSON's types
    """Sort keys, with `name` first, as lists of named things are read by it."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (key != "name", key))}
    return [_ordered(one) for one in value] if isinstance(value, list) else value
