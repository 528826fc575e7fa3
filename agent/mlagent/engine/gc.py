"""Removes what no kept run and no release names, from the store and from this machine; says first, does on request."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from mlagent import adapters
from mlagent.core import digest
from mlagent.core.ports.ledger import MOVES, Ledger, entries
from mlagent.core.ports.store import Store
from mlagent.engine import accepted, environment, results
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import Held

LASTING = {*MOVES, "deployed", "approved"}  # facts whose release, and the run that made it, are kept


class Gone(msgspec.Struct, frozen=True):
    """How much there is to remove, or was removed; `folders` are those of old runs and environments on this machine."""

    runs: int
    results: int
    blobs: int
    folders: int
    bytes: int


def collect(workspace: Workspace, keep: int, *, delete: bool) -> Gone:
    """Keep the project's `keep` runs begun last with all that they name, and what any release or other project names.

    A run whose release came to an environment is kept as well, and one that has something to tell the ledger.
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
    lasting, kept_blobs = _told(workspace.ledger)
    over = {run.run_id for run in mine[keep:] if run.run_id not in lasting and not run.untold}
    runs = [run for run in loaded if run.run_id not in over]
    kept_results, named = _named_by(store, runs)
    kept_blobs |= named | accepted.blobs(store) | adapters.registered(store)
    old = [f"runs/{run_id}" for run_id in sorted(over)]
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
    """Names of results, and digests of blobs, that runs, those results or what is still to be told name."""
    names = {name for run in runs for name in run.results}
    found = [result for name in names if (result := results.read(store, name))]
    outputs = [entry.outputs for run in runs for entry in run.stages.values()] + [result.outputs for result in found]
    untold = {one for run in runs for fact in run.untold for one in fact.holds}
    return names, untold | {stored.digest for one in outputs for stored in one.values()}


def _told(ledger: Ledger) -> tuple[set[str], set[str]]:
    """Runs that came to an environment, and every digest that shows what happened: who asks what ran in March."""
    runs: set[str] = set()
    digests: set[str] = set()
    for fact in (entry.fact for entry in entries(ledger)):
        digests.update(fact.holds)
        if fact.what in LASTING:
            digests.add(fact.release)
            runs.add(fact.run)
    return runs, digests


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
