"""Removes what no kept run and no release names, from the store and from this machine; says first, does on request."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from mlagent import adapters
from mlagent.core import digest
from mlagent.core.ports.ledger import Ledger, entries
from mlagent.core.ports.store import Store
from mlagent.engine import accepted, environment, results
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import Held


class Gone(msgspec.Struct, frozen=True):
    """How much there is to remove, or was removed; `folders` are those of old runs and environments on this machine."""

    runs: int
    results: int
    blobs: int
    folders: int
    bytes: int


def collect(workspace: Workspace, keep: int, *, delete: bool) -> Gone:
    """Keep the project's `keep` runs begun last with all that they name, and what any release or other project names.

    `delete` removes the rest; without it, nothing goes.

    Held (21) while somebody runs. Order: records first, then results, then blobs, so that whatever is killed in between
    nothing names what is gone.
    """
    store = workspace.store
    for run_id in workspace.records.ids():
        holder = workspace.holder(run_id)
        if holder:  # what it has not recorded yet must not go
            raise Held(f"run {run_id} is held by {holder}", hint="collect garbage when nobody runs")
    project = workspace.settings.sections["project"].name
    loaded = [found[0] for found in map(workspace.records.load, workspace.records.ids()) if found]
    mine = sorted((run for run in loaded if run.project == project), key=lambda run: run.begun, reverse=True)
    runs = mine[:keep] + [run for run in loaded if run.project != project]
    kept_results, kept_blobs = _named_by(store, runs)
    kept_blobs |= _released(workspace.ledger) | accepted.blobs(store) | adapters.registered(store)
    old = [f"runs/{run.run_id}" for run in mine[keep:]]
    stale = [name for name in store.names("results/") if name not in kept_results]
    loose = {blob: store.size(blob) or 0 for blob in store.blobs() if blob not in kept_blobs}
    folders = {folder: _size(folder) for folder in _folders(workspace, {run.run_id for run in runs})}
    pieces = {piece: piece.stat().st_size for piece in _pieces(workspace, kept_blobs)}
    if delete:
        for name in (*old, *stale):
            store.remove(name)
        for blob in loose:
            store.drop(blob)
        for folder in folders:
            shutil.rmtree(folder)
        for piece in pieces:
            piece.unlink(missing_ok=True)
    size = sum(loose.values()) + sum(folders.values()) + sum(pieces.values())
    return Gone(len(old), len(stale), len(loose), len(folders), size)


def _named_by(store: Store, runs: Sequence[RunRecord]) -> tuple[set[str], set[str]]:
    """Names of results, and digests of blobs, that runs or those results name."""
    names = {name for run in runs for name in run.results}
    found = [result for name in names if (result := results.read(store, name))]
    outputs = [entry.outputs for run in runs for entry in run.stages.values()] + [result.outputs for result in found]
    return names, {stored.digest for one in outputs for stored in one.values()}


def _released(ledger: Ledger) -> set[str]:
    """Every digest in the ledger: who is asked what ran in March shows it."""
    return {digest for entry in entries(ledger) for digest in (entry.fact.release, *entry.fact.holds)}


def _folders(workspace: Workspace, kept: set[str]) -> Iterator[Path]:
    """Folders of runs that are not kept, and environments of what the project no longer declares."""
    current = digest.short(environment.digest_of(workspace.project))
    for name, wanted in (("runs", kept), ("environments", {current})):
        folder = workspace.home / name
        yield from (
            one for one in (folder.iterdir() if folder.is_dir() else ()) if one.is_dir() and one.name not in wanted
        )


def _pieces(workspace: Workspace, kept: set[str]) -> Iterator[Path]:
    """Pieces of images that nothing names; in a folder that builds share (`package.cache`) others may need them."""
    for folder in (workspace.home / "images" / "blobs").glob("*"):
        yield from (one for one in folder.iterdir() if f"{folder.name}:{one.name}" not in kept)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
