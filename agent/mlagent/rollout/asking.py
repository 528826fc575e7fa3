"""What a person asks of a rollout that somebody else drives: a note on the Deployment, which that one obeys."""

import msgspec

from mlagent.core.ports.cluster import Cluster
from mlagent.errors import Held, InputError
from mlagent.rollout.names import ASKED, ASKS, DEPLOYMENT
from mlagent.rollout.standing import Standing
from mlagent.rollout.state import Ask, State


def ask(cluster: Cluster, model: str, asked: Ask) -> None:
    """Write it down; a newer one takes the place of an older one."""
    note = {ASKED: msgspec.json.encode(asked).decode()}
    metadata = {"name": model, "namespace": cluster.namespace, "annotations": note}
    wanted = {"apiVersion": DEPLOYMENT.api, "kind": DEPLOYMENT.name, "metadata": metadata}
    cluster.apply(wanted, ASKS, force=True)


def obeyed(stands: Standing, asked: Ask) -> bool:
    """Whether it was, or has become pointless."""
    state = stands.rollout
    return state is not None and (state.answered == asked.id or state.over)


def under_way(stands: Standing) -> State:
    """The rollout of which something can be asked; InputError (4) where there is none."""
    if stands.moving is None:
        last = (
            f"the newest one, to {stands.rollout.target.release}, is {stands.rollout.phase}" if stands.rollout else ""
        )
        raise InputError(
            f"no rollout is under way in {stands.environment}" + (f"; {last}" if last else ""),
            hint=f"`mlagent rollback --env {stands.environment}` goes back to what served before",
        )
    return stands.moving


def must_be_driven(stands: Standing, holder: str, what: str) -> None:
    """InputError (4) where nobody is there to obey."""
    if not holder:
        raise InputError(
            f"nobody drives the rollout in {stands.environment}, so nobody can {what} it",
            hint=f"`mlagent deploy --env {stands.environment}` goes on with it, `mlagent rollout abort` undoes it",
        )


def unanswered(asked: Ask, holder: str, seconds: float) -> Held:
    """Whoever drives has not obeyed yet."""
    return Held(
        f"{holder} was asked to {asked.what} it {seconds:g} s ago, and has not yet",
        hint="it obeys when it looks next; `mlagent rollout status` shows whether it did",
    )
