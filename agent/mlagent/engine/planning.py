"""A plan of the project as it is now; looks, and holds nothing."""

from mlagent.core.ports.store import Store
from mlagent.engine import identity, results
from mlagent.engine.clock import now
from mlagent.engine.plan import Known, Step, plan
from mlagent.engine.record import parts_by_stage
from mlagent.engine.workspace import Workspace


def plan_now(workspace: Workspace) -> tuple[str, list[Step]]:
    """Id of the run that the project would be now, and a step for each stage."""
    given = workspace.given({})
    run_id = identity.run_id(given)
    found = workspace.records.load(run_id)
    entries = found[0].stages if found else {}
    earlier = {**parts_by_stage(workspace.newest_record()), **parts_by_stage(found[0] if found else None)}
    store: Store = workspace.store
    holder = workspace.holder(run_id)
    known = Known(
        find=lambda stage, key: results.find(store, stage, key),
        entries=entries,
        earlier=earlier,
        now=now(),
        held=f"the run is held by {holder}" if holder else "",
    )
    return run_id, plan(workspace.stages, given, known)
