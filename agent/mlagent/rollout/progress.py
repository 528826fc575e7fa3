"""How a rollout went: a line for whoever watches, at each change, and moments for the run's page."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from mlagent.rollout.seen import PodSeen, Seen
from mlagent.rollout.state import State


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is in seconds since the rollout began; ready pods of what served before and of the target; what happened."""

    at: float
    phase: str
    old: int
    new: int
    wanted: int
    event: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The moments in order; `old` and `new` are what the versions are called, `old` empty for nothing."""

    old: str
    new: str
    moments: tuple[Moment, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The best that was seen since a phase began; `key` tells this phase and template from others."""

    key: tuple[str, ...] = ()
    ready: int = 0
    others: int = 0
    answers: int = 0

    def better_than(self, before: "Progress") -> bool:
        """Whether something has got further."""
        further = self.ready > before.ready or self.others < before.others or self.answers > before.answers
        return self.key != before.key or further

    def best(self, before: "Progress") -> "Progress":
        """Of both: a pod that comes and goes gets nowhere."""
        if self.key != before.key:
            return self
        return Progress(
            key=self.key,
            ready=max(self.ready, before.ready),
            others=min(self.others, before.others),
            answers=max(self.answers, before.answers),
        )


def progress(state: State, seen: Seen) -> Progress:
    """How far it is, toward the target or, when it is undone, back."""
    to = state.stable.id if state.phase == "undoing" and state.stable else state.target.id
    others = sum(one.placement != to for one in seen.pods)
    key = (state.phase, seen.template, str(seen.settled))
    return Progress(key=key, ready=seen.ready(to), others=others, answers=len(seen.answers))


def moment(state: State, seen: Seen, at: datetime, event: str) -> Moment:
    """As it is seen at a time; of a release in its own place all pods are new."""
    again = state.stable is None or state.stable.id == state.target.id
    return Moment(
        at=round((at - datetime.fromisoformat(state.began)).total_seconds(), 3),
        phase=state.phase,
        old=0 if again or state.stable is None else seen.ready(state.stable.id),
        new=seen.ready(state.target.id),
        wanted=seen.wanted,
        event=event,
    )


def timeline(state: State, moments: Sequence[Moment]) -> Timeline:
    """With what people call both."""
    old = f"version {state.stable.release.called}" if state.stable else ""
    return Timeline(old=old, new=f"version {state.target.release.called}", moments=tuple(moments))


def counted(state: State, seen: Seen) -> str:
    """Ready pods by version, in a line."""
    placed = [state.target, *([state.stable] if state.stable and state.stable.id != state.target.id else [])]
    parts = [f"{seen.ready(one.id)} of version {one.release.called}" for one in placed]
    leaving = f", {seen.leaving} leaving" if seen.leaving else ""
    return f"{state.phase}: ready are {' and '.join(parts)}, {seen.wanted} are wanted{leaving}"


def events(state: State, seen: Seen) -> Iterator[tuple[str, PodSeen | None]]:
    """What is worth a line of its own, once: faults, what pods wait for, edits; with the pod whose log says more."""
    for one in seen.of(state.target.id):
        if one.fault:
            yield f"pod {one.name}: {one.fault.what}: {one.fault.said}", one
        elif one.waiting and not one.waiting.startswith(("ContainerCreating", "PodInitializing")):
            yield f"pod {one.name} waits: {one.waiting}", None
    if seen.refused:
        yield f"the cluster makes no pod: {seen.refused}", None
    for edit in seen.edits:
        yield f"edited by hand: {edit}", None
