"""How an object changes: by server-side apply, and by being written over."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mlagent.adapters.memory_cluster.fields import Json, Path, flat, merge, paths, remove, spelled, tree, value
from mlagent.core.ports.cluster import FieldConflict, Object

Entry = tuple[str, str]  # who, and how: Apply or Update
Owners = dict[Entry, set[Path]]


def applied(live: Json | None, wanted: Object, manager: str, *, force: bool) -> Json:
    """The object after an apply; FieldConflict unless `force` where others have other values."""
    after = copy.deepcopy(live) if live else _bare(wanted)
    owners, given, me = _owners(after), paths(wanted), (manager, "Apply")
    conflicts = list(_conflicts(after, wanted, owners, me, given))
    if conflicts and not force:
        told = "; ".join(f'{spelled(path)}: set by "{who[0]}"' for who, path in conflicts)
        raise FieldConflict(f"others have set what we would set: {told}", hint="have them take it back, or force it")
    for who, path in conflicts:
        owners[who].discard(path)
    dropped = owners.get(me, set()) - given
    owners[me] = given
    remove(after, [path for path in dropped if not any(path in one for one in owners.values())])
    merge(after, _told(wanted))
    _own(after, owners)
    return after


def overwritten(live: Json, wanted: Object, manager: str) -> Json:
    """The object as it is handed in; what differs from before has been set by `manager`."""
    after = {**copy.deepcopy(dict(wanted)), "status": live.get("status", {})}
    kept = {
        key: live["metadata"][key]
        for key in ("uid", "namespace", "generation", "creationTimestamp")
        if key in live["metadata"]
    }
    after["metadata"] = {**after["metadata"], **kept}
    managed = after["metadata"].get("managedFields") or live["metadata"].get("managedFields", [])
    owners = _owners({"metadata": {"managedFields": managed}})
    before, now = paths(live), paths(after)
    changed = {
        path for path in before | now if value(live, path) != value(after, path) or (path in now) != (path in before)
    }
    changed = {path for path in changed if path[-1] != "." or (path in now) != (path in before)}
    for theirs in owners.values():
        theirs.difference_update(changed)
    if changed & now:
        owners.setdefault((manager, "Update"), set()).update(changed & now)
    _own(after, owners)
    return after


def bare_metadata(found: Object) -> Mapping[str, Any]:
    """Without what changes at each write."""
    return {key: one for key, one in found["metadata"].items() if key not in ("resourceVersion", "generation")}


def _conflicts(live: Json, wanted: Object, owners: Owners, me: Entry, given: set[Path]) -> Iterator[tuple[Entry, Path]]:
    for path in sorted(given):
        if path[-1] == "." or value(live, path) == value(wanted, path):
            continue
        for who, theirs in owners.items():
            if who != me and path in theirs:
                yield who, path


def _owners(found: Object) -> Owners:
    managed = found["metadata"].get("managedFields") or []
    return {(one["manager"], one["operation"]): set(flat(one["fieldsV1"])) for one in managed}


def _own(found: Json, owners: Owners) -> None:
    found["metadata"]["managedFields"] = [
        {
            "manager": who,
            "operation": how,
            "apiVersion": found["apiVersion"],
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": tree(theirs),
        }
        for (who, how), theirs in owners.items()
        if theirs
    ]


def _bare(wanted: Object) -> Json:
    return {
        "apiVersion": wanted["apiVersion"],
        "kind": wanted["kind"],
        "metadata": {"name": wanted["metadata"]["name"]},
    }


def _told(wanted: Object) -> Json:
    kept = {key: one for key, one in wanted["metadata"].items() if key in ("labels", "annotations")}
    return {key: one for key, one in wanted.items() if key not in ("apiVersion", "kind", "metadata")} | {
        "metadata": kept
    }
