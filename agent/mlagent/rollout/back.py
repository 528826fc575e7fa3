"""The way back to what served before: the same whoever takes it, a person or a soak that saw bad evidence.

It asks no registry of images and verifies nothing anew: what served here in full was verified when it came.
"""

from collections.abc import Callable

import msgspec

from mlagent.errors import InputError, RolledBack
from mlagent.rollout.release import Placed
from mlagent.rollout.standing import Standing, find
from mlagent.rollout.state import State


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes: how the environment stands, to drive a rollout to its end, the time (RFC 3339 in UTC)."""

    read: Callable[[], Standing]
    drive: Callable[[State], State]
    now: Callable[[], str]


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """What serves now, and what was left for it; `moved` is False where all was so already."""

    placed: Placed
    left: Placed | None
    moved: bool


def back(hands: Hands, *, to: str = "", reason: str = "", leaving: str = "") -> Back:
    """Have what served before serve again, or what `to` names; whoever calls must hold the environment.

    A rollout that was left half done is brought to its end first: another way back goes on, a deploy is undone.
    Where the newest rollout ended by going back, there is nothing to do without a `to`: the same command twice does
    not go two steps. The placement `leaving` is left in any case. InputError (4) where nothing served before,
    RolledBack (30) where the older version did not come up and what served goes on serving.
    """
    stands = hands.read()
    halfway = stands.moving
    if halfway:
        hands.drive(given_up(halfway, reason) if halfway.kind == "deploy" else halfway)
        stands = hands.read()
    target = _target(stands, to, leaving)
    if stands.placed and target.id == stands.placed.id:
        return Back(placed=stands.placed, left=_left(stands), moved=halfway is not None)
    return _go(hands, stands, target, reason)


def _go(hands: Hands, stands: Standing, target: Placed, reason: str) -> Back:
    if stands.placed is None:
        raise InputError(
            f"{stands.environment} runs {stands.strange}, to which nothing could return if {target.release} fails",
            hint="who has put it there? `mlagent deploy` brings a release in its place",
        )
    now = hands.now()
    begun = State(kind="rollback", target=_anew(target), stable=stands.placed, began=now, since=now, reason=reason)
    ended = hands.drive(begun)
    if ended.phase != "done":
        raise RolledBack(
            f"{target.release} did not come up in {stands.environment} ({ended.reason}):"
            f" {stands.placed.release} goes on serving",
            hint="`mlagent rollback --to` names an older one; `mlagent status` says what runs",
        )
    return Back(placed=target, left=stands.placed, moved=True)


def given_up(halfway: State, reason: str) -> State:
    """The same rollout, on its way back to what served before it."""
    if halfway.phase == "undoing":
        return halfway
    why = reason or "a rollback was asked for while its deployer was gone"
    return msgspec.structs.replace(halfway, phase="undoing", reason=why)


def _anew(target: Placed) -> Placed:
    """It serves from when it is back, not from when it came first."""
    return msgspec.structs.replace(target, since="")


def went_back(state: State | None) -> bool:
    """Whether the newest rollout ended with an older version than it, or another, began with.

    A rollback `to` a later build, which was left by another one before, has gone forward.
    """
    if state is None:
        return False
    if state.kind == "deploy":
        return state.phase == "undone"
    forward = state.stable is not None and state.target.release.build > state.stable.release.build
    return state.phase == "done" and not forward


def _target(stands: Standing, to: str, leaving: str) -> Placed:
    """Where to go; what serves already, where that is where the newest rollout led back to."""
    if to:
        return find(_known(stands), to)
    if stands.placed and stands.placed.id != leaving and went_back(stands.rollout):
        return stands.placed
    found = stands.before
    if found is None:
        raise InputError(
            _no_way_back(stands),
            hint="`mlagent rollout abort` ends a rollout that is under way; `mlagent deploy` brings another release",
        )
    return found


def _no_way_back(stands: Standing) -> str:
    if not stands.exists:
        return f"nothing is deployed in {stands.environment}, and so there is nothing to go back to"
    what = stands.placed.release if stands.placed else stands.strange
    return f"nothing served in full before {what} in {stands.environment}"


def _known(stands: Standing) -> tuple[Placed, ...]:
    there = stands.placed
    return (there, *stands.history) if there and there not in stands.history else stands.history


def _left(stands: Standing) -> Placed | None:
    """What the newest rollout, if it led to what served before, left."""
    state = stands.rollout
    if state and (state.kind, state.phase) == ("rollback", "done"):
        return state.stable
    return state.target if state and went_back(state) else None
