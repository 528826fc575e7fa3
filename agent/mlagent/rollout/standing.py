"""What runs in an environment, by the notes on its Deployment and by its pods."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from mlagent.core.ports.cluster import Object
from mlagent.core.release import Came, Release, Served
from mlagent.errors import InputError
from mlagent.rollout.names import HISTORY, ROLLOUT
from mlagent.rollout.release import Placed
from mlagent.rollout.seen import Edit, Seen
from mlagent.rollout.state import State

T = TypeVar("T")


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What a deploy left behind, of which the stages after it know what they are about; `image` is its digest."""

    environment: str
    namespace: str
    placed: Placed
    image: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment serves; `placed` is None where nothing is there, or what no notes tell of.

    `history` is what served in full, the newest first; `rollout` the newest one, over or not; `strange` says of a
    template that its notes do not tell of it: somebody else has put it there.
    """

    environment: str
    namespace: str
    exists: bool
    placed: Placed | None = None
    ready: int = 0
    wanted: int = 0
    rollout: State | None = None
    edits: tuple[Edit, ...] = ()
    history: tuple[Placed, ...] = ()
    strange: str = ""

    @property
    def moving(self) -> State | None:
        """The rollout that is under way, or was left half done."""
        return self.rollout if self.rollout and not self.rollout.over else None

    @property
    def before(self) -> Placed | None:
        """What served in full before this, and was built no later: where a rollback goes.

        One that was built later served here, and was left by a rollback: going back does not lead there.
        """
        now = self.placed
        if now is None:
            return None
        older = (one for one in self.history if one.id != now.id and one.release.build <= now.release.build)
        return next(older, None)


def of(deployment: Object | None, seen: Seen, environment: str, namespace: str) -> Standing:
    """How it is by a Deployment (None: there is none) and its pods; InputError (4) for notes that are not ours."""
    if deployment is None:
        return Standing(environment=environment, namespace=namespace, exists=False)
    before, state = history(deployment), rollout(deployment)
    placed = _serving(before, state, seen)
    return Standing(
        environment=environment,
        namespace=namespace,
        exists=True,
        placed=placed,
        ready=seen.ready(placed.id) if placed else sum(one.ready for one in seen.pods),
        wanted=seen.wanted,
        rollout=state,
        edits=seen.edits,
        history=before,
        strange="" if placed else _strange(state, seen),
    )


def served(stands: Standing) -> Served:
    """The same in plain words, for who holds it against the ledger; what is under way has not come."""
    return Served(
        exists=stands.exists,
        release=stands.placed.release if stands.placed else None,
        strange=stands.strange,
        edits=tuple(str(one) for one in stands.edits if one.template),
        came=_came(stands.placed, stands.rollout),
    )


def _came(placed: Placed | None, state: State | None) -> Came | None:
    if placed is None or state is None or state.phase != "done" or state.target.id != placed.id:
        return None
    left = state.stable.release if state.stable else None
    return Came(kind=state.kind, since=placed.since, placement=placed.id, left=left, reason=state.reason)


def history(deployment: Object) -> tuple[Placed, ...]:
    """What served here in full, the newest first."""
    return tuple(_note(deployment, HISTORY, tuple[Placed, ...], ()))


def rollout(deployment: Object) -> State | None:
    """The newest rollout, over or not."""
    return _note(deployment, ROLLOUT, State | None, None)


def find(known: Sequence[Placed], wanted: str) -> Placed:
    """The placement that a person names by version, by the image's digest or its beginning, or by its own id.

    InputError (4) where none, or more than one release, is called so.
    """
    told = wanted.removeprefix("sha256:")
    found = [one for one in known if _called(one, told)]
    if len({one.release.digest for one in found}) > 1:
        named = ", ".join(str(one.release) for one in found)
        raise InputError(f"{wanted!r} may be any of {named}", hint="name more of the digest")
    if not found:
        served = ", ".join(dict.fromkeys(str(one.release) for one in known)) or "nothing"
        raise InputError(f"{wanted!r} has not served here in full", hint=f"what has, the newest first: {served}")
    return found[0]


def _called(placed: Placed, told: str) -> bool:
    release: Release = placed.release
    by_digest = len(told) >= 6 and release.digest.removeprefix("sha256:").startswith(told)
    return told in (release.called, f"v{release.called}", placed.id) or by_digest


def _serving(before: Sequence[Placed], state: State | None, seen: Seen) -> Placed | None:
    """While a rollout is under way, what served before it; else what the template is."""
    if state and not state.over:
        return state.stable
    known = (*before, *([state.target] if state else []), *([state.stable] if state and state.stable else []))
    return next((one for one in known if one.id == seen.template), None)


def _strange(state: State | None, seen: Seen) -> str:
    if state and not state.over:
        return "nothing that has come in full yet"
    return f"template {seen.template}" if seen.template else "a template that mlagent did not write"


def _note(deployment: Object, name: str, kind: object, nothing: T) -> T:
    text = deployment.get("metadata", {}).get("annotations", {}).get(name, "")
    if not text:
        return nothing
    try:
        return msgspec.json.decode(text, type=kind)  # type: ignore[no-any-return]
    except msgspec.DecodeError as error:
        called = deployment["metadata"]["name"]
        raise InputError(
            f"the note {name} on the Deployment {called} is not as mlagent writes it: {error}",
            hint="who has edited it? Without it (`kubectl annotate … " + name + "-`) what served before is forgotten",
        ) from error
