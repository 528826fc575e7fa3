"""The data that passed the gate: what new data is compared with. No data is its own reference."""

import msgspec

from mlagent.core.artifact import Stored
from mlagent.core.ports.store import Store
from mlagent.errors import Held, InputError

KEPT = 5
ATTEMPTS = 20


class Accepted(msgspec.Struct, frozen=True):
    """Data that passed, by its digest; its profile is kept in the store."""

    data: str
    profile: Stored
    run: str


def reference(store: Store, project: str, data: str) -> Accepted | None:
    """What passed last and is other data than this; None when nothing did."""
    found, _ = _read(store, project)
    return next((one for one in reversed(found) if one.data != data), None)


def accept(store: Store, project: str, one: Accepted) -> Accepted:
    """Write down that it passed, unless it is what passed last; what stands then, and so which run was the first."""
    for _ in range(ATTEMPTS):
        before, version = _read(store, project)
        if before and before[-1].data == one.data:
            return before[-1]
        if store.swap(_name(project), msgspec.json.encode([*before, one][-KEPT:]), version):
            return one
    raise Held(f"others wrote down accepted data of {project} faster, every time", hint="give the same command again")


def blobs(store: Store) -> set[str]:
    """Digests of all profiles that may still be a reference."""
    projects = (name.partition("/")[2] for name in store.names("accepted/"))
    return {one.profile.digest for project in projects for one in _read(store, project)[0]}


def _name(project: str) -> str:
    return f"accepted/{project}"


def _read(store: Store, project: str) -> tuple[list[Accepted], str | None]:
    named = store.read(_name(project))
    if named is None:
        return [], None
    try:
        return msgspec.json.decode(named.data, type=list[Accepted]), named.version
    except ValueError as error:
        raise InputError(
            f"{_name(project)} in the store is damaged: {error}", hint="delete it: the next data has no reference then"
        ) from error
