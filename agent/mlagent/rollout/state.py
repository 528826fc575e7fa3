"""How far a rollout is: saved before each act, so that any process on any node can go on where another one ended."""

from typing import Literal

import msgspec

from mlagent.rollout.release import Placed

Phase = Literal["begun", "moving", "checking", "paused", "undoing", "done", "undone"]
PHASES: dict[Phase, str] = {
    "begun": "the intent is recorded; nothing in the cluster has changed",
    "moving": "the target's template has been applied; the cluster exchanges pods",
    "checking": "every pod is of the target and ready; what they answer is being asked",
    "paused": "a person stopped the exchange; both versions serve",
    "undoing": "the target was found bad, or a person aborted; the stable template has been applied again",
    "done": "every pod of the target answered as it should; it serves alone",
    "undone": "the stable version serves alone again (or nothing, where there was none)",
}
ENDS: tuple[Phase, ...] = ("done", "undone")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants of a running rollout; `id` tells one ask from the next."""

    what: Literal["pause", "resume", "abort"]
    who: str
    id: str
    reason: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout; `stable` is what served in full before it, None for nothing; `began`, `since` are RFC 3339 in UTC.

    `since` is when the phase began, `reason` why it is paused or undone, `answered` the ask that was obeyed last.
    """

    kind: Literal["deploy", "rollback"]
    phase: Phase = "begun"
    target: Placed
    stable: Placed | None
    began: str
    since: str
    reason: str = ""
    answered: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in ENDS
