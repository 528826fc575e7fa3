"""Why a rollout is undone: what was seen of its target, in the words of whoever saw it."""

from collections.abc import Iterator

import msgspec

from mlagent.rollout.seen import Seen
from mlagent.rollout.state import State

SETTLING_SECONDS = 3  # the cluster's word on the rollout before lasts until it has made the first pod of this one
GRACE_SECONDS = 30  # after the cluster's own deadline: where nobody there keeps it, we do


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is borne: `progress_seconds` without a pod that got ready, or an answer that came."""

    progress_seconds: float


def to_undo(state: State, seen: Seen, limits: Limits) -> str:
    """The first reason there is, the surest first; empty for none."""
    return next(_reasons(state, seen, limits), "")


def _reasons(state: State, seen: Seen, limits: Limits) -> Iterator[str]:
    yield from _faults(state, seen)
    yield from _edits(state, seen)
    yield from _answers(state, seen)
    if seen.judged is not None and seen.judged.outcome == "fail":
        yield "; ".join(one.reason for one in seen.judged.checks if one.outcome == "fail")
    if state.phase != "paused":
        yield from _overdue(state, seen, limits)


def _faults(state: State, seen: Seen) -> Iterator[str]:
    """Of the target's pods. Where the target served before, too, one that is ready is over it."""
    again = state.stable is not None and state.stable.id == state.target.id
    for one in seen.of(state.target.id):
        if one.fault and not (again and one.ready):
            yield f"pod {one.name}: {one.fault.what}: {one.fault.said}"


def _edits(state: State, seen: Seen) -> Iterator[str]:
    """By hand, of what pods are: what would serve then is nothing that anybody has verified."""
    for one in seen.edits:
        if one.template:
            yield f"an edit by hand: {one}"
    known = {state.target.id} | ({state.stable.id} if state.stable else set())
    if seen.exists and seen.template not in known:
        yield f"somebody else has put template {seen.template or 'without a name of ours'} there"


def _answers(state: State, seen: Seen) -> Iterator[str]:
    """What a pod says it serves must be the target."""
    release = state.target.release
    for one in seen.of(state.target.id):
        answer = seen.answers.get(one.name)
        if answer is None:
            continue
        if answer.version != release.called:
            yield f"pod {one.name} answers as version {answer.version or '(none)'}, not {release.called}"
        if answer.model != release.onnx:
            yield f"pod {one.name} serves model {answer.model or '(none)'}, not {release.onnx}"


def _overdue(state: State, seen: Seen, limits: Limits) -> Iterator[str]:
    """By the cluster's word or, where that does not come, by our own clock."""
    why = obstacles(seen, state.target.id)
    settled = seen.settled and seen.template == state.target.id and seen.quiet_seconds >= SETTLING_SECONDS
    if seen.overdue and settled:
        yield f"{seen.overdue}{f' ({why})' if why else ''}"
    if seen.quiet_seconds > limits.progress_seconds + GRACE_SECONDS:
        yield f"nothing has got further for {seen.quiet_seconds:.0f} s{f' ({why})' if why else ''}"


def obstacles(seen: Seen, placement: str) -> str:
    """What may keep a placement from coming, in words; empty where nothing is known."""
    running = next((one.name for one in seen.of(placement) if not one.ready), "")
    return "; ".join(_obstacles(seen, placement)) or (f"pod {running} does not get ready" if running else "")


def _obstacles(seen: Seen, placement: str) -> Iterator[str]:
    if seen.refused:
        yield seen.refused
    waiting = [one for one in seen.of(placement) if not one.ready and (one.fault or one.waiting)]
    for one in waiting[:1]:
        yield f"pod {one.name}: {one.fault.said if one.fault else one.waiting}"
    if seen.paused:
        yield "the Deployment is paused"
    if seen.exists and not seen.wanted:
        yield "no pods are wanted: its spec.replicas is 0"
    yield from map(str, seen.edits)
