"""What is done next in a rollout: decided from its state and from what was seen, and from nothing else.

Kubernetes exchanges the pods of one Deployment, none of the old ones before a new one is ready. Here is decided when
that begins, whether it goes well, and when it is over: `advance` may be asked again at any moment, by any process, with
the state that was saved last. It repeats what has not come about, so a process that ended in mid-act loses nothing.

A rollback is the same movement with an older release as its target, and is undone in the same way. Pods of what serves
may be bad then; only the target's faults count. Where both are bad, it stays `undoing`: it does not claim that the
stable version serves, and the cluster takes no pod away that is ready.
"""

import msgspec

from mlagent.rollout import reasons
from mlagent.rollout.actions import Action, AskPods, Move, Pause, Remove, Resume
from mlagent.rollout.reasons import Limits
from mlagent.rollout.release import Placed
from mlagent.rollout.seen import Seen
from mlagent.rollout.state import Phase, State

Step = tuple[State, tuple[Action, ...]]


def advance(state: State, seen: Seen, limits: Limits, now: str) -> Step:
    """Give the state to save, and then the acts to do; `now` is RFC 3339 in UTC."""
    before = state
    if not state.over:
        state = _heard(state, seen, now)
    if state.over:
        return state, ()
    if state.phase != before.phase:
        seen = msgspec.structs.replace(seen, quiet_seconds=0.0)  # a pause was no time in which nothing got further
    if state.phase == "begun":
        return _begin(state, seen, now)
    why = "" if state.phase == "undoing" else reasons.to_undo(state, seen, limits)
    if why:
        state = _enter(state, "undoing", now, why)
    if state.phase == "undoing":
        return _undo(state, seen, now)
    return _paused(state, seen) if state.phase == "paused" else _go_on(state, seen, now)


def _heard(state: State, seen: Seen, now: str) -> State:
    """What a person asks is obeyed once; an undo is neither paused nor aborted."""
    asked = seen.asked
    if asked is None or asked.id == state.answered:
        return state
    state = msgspec.structs.replace(state, answered=asked.id)
    why = f"{asked.what}{'d' if asked.what.endswith('e') else 'ed'} by {asked.who}"
    why += f": {asked.reason}" if asked.reason else ""
    if asked.what == "abort" and state.phase != "undoing":
        return _enter(state, "undone" if state.phase == "begun" else "undoing", now, why)
    if asked.what == "pause" and state.phase in ("moving", "checking"):
        return _enter(state, "paused", now, why)
    if asked.what == "resume" and state.phase == "paused":
        return _enter(state, "moving", now)
    return state


def _begin(state: State, seen: Seen, now: str) -> Step:
    """Apply the target, be it there already or not: what else the manifest says may differ.

    Where something else is there than what an undo would bring back, nothing is touched.
    """
    if seen.exists and seen.template not in _known(state):
        what = f"template {seen.template}" if seen.template else "a Deployment that mlagent did not write"
        expected = state.stable.release if state.stable else "nothing"
        return _enter(state, "undone", now, f"{what} is there, and not {expected}: nothing was changed"), ()
    return _enter(state, "moving", now), (Move(state.target.id),)


def _paused(state: State, seen: Seen) -> Step:
    """Wait; what would undo it otherwise has been looked at."""
    return state, () if seen.paused else (Pause(),)


def _go_on(state: State, seen: Seen, now: str) -> Step:
    """Exchange pods, then ask them, then be done."""
    if seen.template != state.target.id or not seen.exists:
        return state, (Move(state.target.id),)
    if seen.paused:
        return state, (Resume(),)
    if not _serves_alone(seen, state.target):
        return state, ()
    if state.phase == "moving":
        state = _enter(state, "checking", now)
    unasked = tuple(one.name for one in seen.of(state.target.id) if one.name not in seen.answers)
    if unasked:
        return state, (AskPods(unasked),)
    return _enter(state, "done", now), ()


def _undo(state: State, seen: Seen, now: str) -> Step:
    """Bring back what served, and take back what others have set, until it serves alone."""
    stable = state.stable
    if stable is None:
        return _nothing_left(state, seen, now)
    edited = any(one.template for one in seen.edits)
    if seen.template != stable.id or seen.paused or edited or not seen.exists:
        return state, (Move(stable.id, force=True),)
    return (_enter(state, "undone", now) if _serves_alone(seen, stable) else state), ()


def _nothing_left(state: State, seen: Seen, now: str) -> Step:
    """A pod outlives its Deployment by a moment: the next rollout must not take it for one of its own."""
    if seen.exists:
        return state, (Remove(),)
    return (state if seen.of(state.target.id) else _enter(state, "undone", now)), ()


def _serves_alone(seen: Seen, placed: Placed) -> bool:
    """Whether all that is wanted is of it and ready, and nothing else is there but what is being deleted."""
    others = [one for one in seen.pods if one.placement != placed.id]
    return seen.settled and not others and 0 < seen.wanted <= seen.ready(placed.id)


def _known(state: State) -> set[str]:
    return {state.target.id} | ({state.stable.id} if state.stable else set())


def _enter(state: State, phase: Phase, now: str, reason: str = "") -> State:
    """Be in a phase from now on; the reason of an undo stays with its end."""
    kept = reason or (state.reason if phase == "undone" or state.kind == "rollback" else "")
    return msgspec.structs.replace(state, phase=phase, since=now, reason=kept)
