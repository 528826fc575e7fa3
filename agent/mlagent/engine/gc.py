"""Removes from the store what no kept run and no release names; says first, does on request."""

from collections.abc import Sequence

import msgspec

from mlagent.core.stage import Stage
from mlagent.engine import results
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace


class Gone(msgspec.Struct, frozen=True):
    """How much there is to remove, or was removed."""

    runs: int
    results: int
    blobs: int
    bytes: int


def collect(workspace: Workspace, keep: int, stages: Sequence[Stage], *, delete: bool) -> Gone:
    """Keep the `keep` runs begun last, with every result and blob they name; the rest goes when `delete` says so.

    Order: records first, then results, then blobs, so that whatever is killed in between nothing names what is gone.
    """
    store = workspace.store
    for run_id in workspace.records.ids():
        workspace.hold(run_id).release()  # Held (21) while somebody runs: what it has not recorded yet must not go
    loaded = (workspace.records.load(run_id) for run_id in workspace.records.ids())
    runs = sorted((found[0] for found in loaded if found), key=lambda run: run.begun, reverse=True)
    kept_results, kept_blobs = _named_by(runs[:keep])
    old = [f"runs/{run.run_id}" for run in runs[keep:]]
    stale = [name for stage in stages for name in store.names(f"results/{stage.name}/") if name not in kept_results]
    loose = {blob: store.size(blob) or 0 for blob in store.blobs() if blob not in kept_blobs}
    if delete:
        for name in (*old, *stale):
            store.remove(name)
        for blob in loose:
            store.drop(blob)
    return Gone(len(old), len(stale), len(loose), sum(loose.values()))


def _named_by(runs: Sequence[RunRecord]) -> tuple[set[str], set[str]]:
    entries = [(name, entry) for run in runs for name, entry in run.stages.items()]
    names = {results.name_of(name, entry.key) for name, entry in entries if entry.key}
    return names, {stored.digest for _, entry in entries for stored in entry.outputs.values()}
