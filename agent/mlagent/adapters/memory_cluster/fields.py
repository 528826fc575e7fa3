"""Who has set which fields: paths in the form that the API server keeps (`f:spec`, `k:{"name":"server"}`)."""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Path = tuple[str, ...]
Json = dict[str, Any]
ITSELF = "."
KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}  # lists whose elements have owners of their own; others have one as a whole
WHOLE = ("selector",)
SERVERS = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def paths(given: Mapping[str, Any]) -> set[Path]:
    """Of all that an object sets; what the server itself keeps is not among them."""
    told = {key: one for key, one in given.items() if key not in ("apiVersion", "kind", "status")}
    metadata = {key: one for key, one in told.get("metadata", {}).items() if key not in SERVERS}
    return set(_paths({**told, "metadata": metadata}, ()))


def _paths(given: Mapping[str, Any], above: Path) -> Iterator[Path]:
    for key, one in given.items():
        path = (*above, f"f:{key}")
        if isinstance(one, dict) and key not in WHOLE:
            yield from _paths(one, path)
        elif key in KEYS and isinstance(one, list):
            for item in one:
                inside = (*path, element(key, item))
                yield (*inside, ITSELF)
                yield from _paths(item, inside)
        else:
            yield path


def element(key: str, item: Mapping[str, Any]) -> str:
    """How an element of a list is told from the others."""
    return "k:" + json.dumps({one: item.get(one) for one in KEYS[key]}, separators=(",", ":"))


def spelled(path: Path) -> str:
    """As people write it: spec.template.spec.containers[name="server"].image."""
    text = ""
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "k":
            text += "[" + ",".join(f"{key}={json.dumps(one)}" for key, one in json.loads(name).items()) + "]"
        elif kind == "f":
            text += f".{name}"
    return text.removeprefix(".")


def value(found: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    """What an object has there; None for nothing."""
    for step in path:
        if found is None or step == ITSELF:
            break
        found = _step(found, step)
    return found


def _step(found: Any, step: str) -> Any:  # noqa: ANN401 - JSON
    if step.startswith("k:"):
        return next((one for one in found if _is(one, step)), None)
    return found.get(step.removeprefix("f:")) if isinstance(found, dict) else None


def _is(item: Mapping[str, Any], step: str) -> bool:
    return all(item.get(key) == one for key, one in json.loads(step.removeprefix("k:")).items())


def remove(found: Json, gone: Iterable[Path]) -> None:
    """Take fields out; of elements those whose own path is among them. The deepest first, and maps that are empty."""
    for path in sorted(gone, key=lambda one: (len(one), one[-1] == ITSELF), reverse=True):
        itself = path[-1] == ITSELF
        at = path[:-1] if itself else path
        holder = value(found, at[:-1])
        if isinstance(holder, list):
            holder[:] = [one for one in holder if not _is(one, at[-1])]
        elif isinstance(holder, dict) and not (itself and holder.get(at[-1].removeprefix("f:"))):
            holder.pop(at[-1].removeprefix("f:"), None)


def merge(into: Json, given: Mapping[str, Any]) -> None:
    """Have what is given, beside what others have."""
    for key, one in given.items():
        there = into.get(key)
        if isinstance(one, dict) and isinstance(there, dict) and key not in WHOLE:
            merge(there, one)
        elif key in KEYS and isinstance(one, list) and isinstance(there, list):
            _merge_list(there, one, key)
        else:
            into[key] = copy.deepcopy(one)


def _merge_list(into: list[Json], given: list[Json], key: str) -> None:
    for item in given:
        there = next((one for one in into if _is(one, element(key, item))), None)
        if there is None:
            into.append(copy.deepcopy(item))
        else:
            merge(there, item)


def tree(flat: Iterable[Path]) -> Json:
    """Paths as the API server writes them: FieldsV1."""
    found: Json = {}
    for path in sorted(flat):
        at = found
        for step in path:
            at = at.setdefault(step, {})
    return found


def flat(found: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """And back."""
    for step, below in found.items():
        if below:
            yield from flat(below, (*above, step))
        else:
            yield (*above, step)
