"""The loop that brings a rollout to its end: look, decide, save, act, wait; it may end anywhere and go on elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from mlagent.core.ports.cluster import Cluster, Object
from mlagent.core.verdict import Verdict
from mlagent.errors import ConfigError, Held, InfrastructureError, InputError
from mlagent.rollout import acts, answers, notes
from mlagent.rollout.actions import Action, AskPods, Move
from mlagent.rollout.controller import advance
from mlagent.rollout.look import Looked, looked
from mlagent.rollout.patience import Patience
from mlagent.rollout.progress import Progress, Timeline, progress
from mlagent.rollout.reasons import GRACE_SECONDS, Limits, obstacles
from mlagent.rollout.seen import Answer, PodSeen, Seen
from mlagent.rollout.state import State
from mlagent.rollout.telling import Teller

SHORTEST, LONGEST, SLOWER = 0.2, 1.0, 1.1  # seconds between two looks; longer and longer while nothing changes
JUDGED_SECONDS = 1.0  # between two readings of what the pods have counted
REFUSALS = (Held, InputError, ConfigError)
Judge = Callable[[Sequence[PodSeen]], Verdict | None]


def _nothing() -> None:
    """Where nobody else can hold it."""


def unseen(_event: str, _done: float, _of: int) -> None:
    """Where nobody looks on."""


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes: a cluster, the model's name, how much is borne; time (UTC), a wait in seconds, a voice.

    `remember` keeps the state beside the note in the cluster, `held` raises Held (21) when the lease was lost, `judge`
    gives a verdict on the target's pods where they are surely bad, `show` draws how many are ready, at every look.
    """

    cluster: Cluster
    model: str
    limits: Limits
    patience_seconds: float
    now: Callable[[], datetime]
    wait: Callable[[float], None]
    say: Callable[[str], None]
    remember: Callable[[State], None]
    held: Callable[[], None] = _nothing
    show: Callable[[str, float, int], None] = unseen
    judge: Judge | None = None


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended, and how it went."""

    state: State
    timeline: Timeline


def drive(means: Means, state: State, manifest: Object | None = None, *, overwrite: bool = False) -> Driven:
    """Go on from any state that was saved until it is done or undone.

    `manifest` is the Deployment that was rendered for the target; without one its template is taken from its
    ReplicaSet. FieldConflict (21) before anything changes where others have edited what we set, unless `overwrite` or
    in a rollback, which is the way out of that, too;
    InfrastructureError (20) when the cluster was away for longer than its patience, or the way back does not come
    about; all are resumable. Interrupted passes through: what was saved is where the next one goes on.
    """
    loop = _Loop(means, state, manifest, overwrite=overwrite)
    patience = Patience(means.patience_seconds, means.now, means.say)
    pause = SHORTEST
    while True:
        moved = patience.bear(loop.turn)
        if loop.state.over:
            return Driven(state=loop.state, timeline=loop.teller.timeline(loop.state))
        if moved is None:
            loop.missed()
        loop.must_end()
        if loop.answered():
            continue
        pause = SHORTEST if moved else min(LONGEST, pause * SLOWER)
        means.wait(pause)


class _Loop:
    """What one process knows of the rollout beside its state."""

    def __init__(self, means: Means, state: State, manifest: Object | None, *, overwrite: bool) -> None:
        self.state = state
        self.teller = Teller(means.say)
        self._means, self._manifest, self._overwrite = means, manifest, overwrite
        self._remembered: State | None = None
        self._answers: dict[str, Answer] = {}
        self._progress, self._further = Progress(), means.now()
        self._first, self._last = True, Seen(exists=False)
        self._new_answers = False
        self._judged_at: datetime | None = None

    def turn(self) -> bool:
        """Look, decide, save, act; whether something has got further."""
        means = self._means
        means.held()
        found = looked(means.cluster, means.model)
        now = means.now()
        before = self._got_further(self.state, found.seen, now)
        seen = self._seen(found.seen)
        self._ignore_older_asks(seen)
        state, actions = advance(self.state, seen, means.limits, now.isoformat(timespec="milliseconds"))
        state = _since(state)
        further = self._got_further(state, seen, now) or before
        self.teller.notice(state, seen, means.cluster)
        self._save(state, found.live)
        self._last = seen
        for action in actions:
            self._act(action, found)
        self.teller.tell(state, seen, now)
        self._show(state, seen)
        return further or bool(actions)

    def answered(self) -> bool:
        """Whether pods have answered just now: what follows from that waits for nothing."""
        new, self._new_answers = self._new_answers, False
        return new

    def _show(self, state: State, seen: Seen) -> None:
        aim = state.stable if state.phase in ("undoing", "undone") else state.target
        if aim and not state.over:
            self._means.show(f"{state.phase}: version {aim.release.called}", seen.ready(aim.id), max(1, seen.wanted))

    def missed(self) -> None:
        """Nothing was seen this time: that nothing got further is not known."""
        self._further = self._means.now()

    def must_end(self) -> None:
        """The way back must come about some day; what it takes may be a person."""
        state, quiet = self.state, self._quiet()
        if state.phase != "undoing" or quiet <= self._means.limits.progress_seconds + GRACE_SECONDS:
            return
        why = obstacles(self._last, state.stable.id if state.stable else "")
        raise InfrastructureError(
            f"the way back ({state.reason}) has not got further for {quiet:.0f} s{f': {why}' if why else ''}",
            hint="see to what is in its way; the same command goes on with it",
        )

    def _ignore_older_asks(self, seen: Seen) -> None:
        """What was asked before this rollout began was not asked of it."""
        if self._first and self.state.phase == "begun" and seen.asked:
            self.state = msgspec.structs.replace(self.state, answered=seen.asked.id)
        self._first = False

    def _seen(self, seen: Seen) -> Seen:
        there = {one.name for one in seen.pods}
        self._answers = {name: one for name, one in self._answers.items() if name in there}
        judged = self._judged(seen)
        return msgspec.structs.replace(seen, answers=dict(self._answers), quiet_seconds=self._quiet(), judged=judged)

    def _quiet(self) -> float:
        return (self._means.now() - self._further).total_seconds()

    def _judged(self, seen: Seen) -> Verdict | None:
        if self._means.judge is None or self.state.phase not in ("moving", "checking", "paused"):
            return None
        now, ready = self._means.now(), [one for one in seen.of(self.state.target.id) if one.ready]
        early = self._judged_at is not None and (now - self._judged_at).total_seconds() < JUDGED_SECONDS
        if early or not ready:
            return None
        self._judged_at = now
        return self._means.judge(ready)

    def _got_further(self, state: State, seen: Seen, now: datetime) -> bool:
        newest = progress(state, msgspec.structs.replace(seen, answers=self._answers))
        further = newest.better_than(self._progress)
        self._progress = newest.best(self._progress)
        if further:
            self._further = now
        return further

    def _save(self, state: State, live: Object | None) -> None:
        """Before any act: in the record, and on the Deployment where there is one."""
        self.state = state
        if state != self._remembered:
            self._means.remember(state)
            self._remembered = state
        if live is not None:
            notes.write(self._means.cluster, live, state)

    def _act(self, action: Action, found: Looked) -> None:
        means = self._means
        means.held()
        if isinstance(action, AskPods):
            told = {name: answers.ask(means.cluster, means.model, name) for name in action.pods}
            came = {name: one for name, one in told.items() if one is not None}
            self._answers |= came
            self._new_answers = bool(came)
            return
        if isinstance(action, Move) and (self._overwrite or self.state.kind == "rollback"):
            action = Move(action.to, force=True)
        try:
            acts.act(means.cluster, means.model, action, found.live, self._manifest, self._noted())
        except REFUSALS as error:
            if isinstance(action, Move) and self.state.phase == "moving":
                self._refused(error.message, found.live)
            raise

    def _refused(self, why: str, live: Object | None) -> None:
        """The target was not taken: nothing has changed, and that is how it ends."""
        now = self._means.now().isoformat(timespec="milliseconds")
        self._save(msgspec.structs.replace(self.state, phase="undone", since=now, reason=why), live)

    def _noted(self) -> Mapping[str, str]:
        return notes.of(self.state, ())


def _since(state: State) -> State:
    """Of what is done: since when it serves; what served there before goes on."""
    if state.phase != "done" or state.target.since:
        return state
    stable = state.stable
    same = stable and stable.id == state.target.id and stable.release.digest == state.target.release.digest
    since = stable.since if stable and same and stable.since else state.since
    return msgspec.structs.replace(state, target=msgspec.structs.replace(state.target, since=since))
