"""The one way by which a release comes to an environment, or back: the ledger, tags, alias, checkpoint, last tag.

The ledger is the journal. What is written down there is brought about, by this process or by the next one that comes,
whoever that is: every step looks whether it is done already, and any line may be the last one that is executed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec

from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Entry, Fact, Ledger, reached
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.release import Release, Served
from mlagent.errors import Held, PolicyRefused
from mlagent.ledger import guard, history, sealing, versions
from mlagent.ledger.anchors import Anchor
from mlagent.ledger.checkpoint import Sign
from mlagent.ledger.finding import Finding
from mlagent.ledger.moves import NOWHERE, Moves, labels, stamp, tag, version
from mlagent.ledger.remembered import Remembered
from mlagent.ledger.served import unrecorded

ATTEMPTS = 10
Seal = Callable[[Entry], Sequence[str]]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A release that came to an environment, or back to it, and who brought it there; `details` say more of it.

    `holds` are digests that it rests on. `deployed` are the details of the deploy that came before, None for none.
    """

    what: Literal["promoted", "rolled-back"]
    release: Release
    environment: str
    who: str
    details: Mapping[str, str] = {}
    holds: tuple[Digest, ...] = ()
    deployed: Mapping[str, str] | None = None


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What was done; `appended` and `pointed` are False where it stood so already.

    `unknown` says why no alias could be moved, `notes` what else is to be told.
    """

    entry: Entry
    appended: bool
    pointed: bool
    unknown: str = ""
    notes: tuple[str, ...] = ()


def settle(
    move: Move,
    registry: ModelRegistry,
    ledger: Ledger,
    anchors: Sequence[Anchor],
    sign: Sign | None,
    now: Callable[[], str],
) -> Settled:
    """Write it down and bring it about, once; a promotion that another one left half done is ended first.

    PolicyRefused (12) for a promotion that a later one was faster than, that was rolled back meanwhile, or before which
    somebody changed the registry by hand; a rollback goes on, and tells of that. Held (21) where others promote the
    model, or move the alias, all the time. `now` gives the time, RFC 3339 in UTC.
    """
    model = move.release.model
    with ledger.holding(model, move.who):
        ledger = Remembered(ledger, model)
        odd = guard.findings(ledger, registry, model, holding=True)
        newest = history.standing(ledger, model, move.environment)
        stands = newest is not None and _says(newest.fact, move)
        _admit(move, ledger, odd, stands=stands)
        seal = partial(sealing.anchor, ledger=ledger, anchors=anchors, sign=sign, now=now)
        ended = _finish(registry, ledger, model, seal, but=newest if stands else None)
        if move.deployed is not None and not _deployed(ledger, move, move.deployed):
            ledger.append(_fact("deployed", move, now(), move.deployed))
        entry = newest if newest and stands else ledger.append(_told(_with_record(move, ledger), registry, now()))
        pointed, notes = _complete(entry, registry, ledger, seal)
        told = guard.open_of(ledger, model, odd) if move.what == "rolled-back" else ()
    return Settled(
        entry=entry,
        appended=not stands,
        pointed=pointed,
        unknown="" if version(entry) is not None else _unknown(move.release),
        notes=tuple(dict.fromkeys([*(one.says for one in told), *ended, *notes])),
    )


def promoted(
    release: Release,
    environment: str,
    who: str,
    *,
    record: Mapping[str, Digest],
    policy: Digest = "",
    reason: str = "",
    placement: str = "",
    deployed: Mapping[str, str] | None = None,
) -> Move:
    """`release` comes to an environment: what it rests on is the `record` of its run, by artifact, and the policy."""
    details = {"reason": reason, "policy": policy, "record": record.get("release", "")}
    details |= {"commit": release.commit, "placement": placement}
    return Move(
        what="promoted",
        release=release,
        environment=environment,
        who=who,
        details={name: text for name, text in details.items() if text},
        holds=(release.onnx, *record.values()),
        deployed=deployed,
    )


def rolled_back(
    release: Release, environment: str, who: str, *, left: Release | None, reason: str, placement: str = ""
) -> Move:
    """`release` serves again in the place of `left`; a promotion of an older build is none, so the order stands."""
    details = {"reason": reason} | {
        name: text for name, text in (("commit", release.commit), ("placement", placement)) if text
    }
    details |= {"from": left.digest, "from_version": left.called, "from_build": str(left.build)} if left else {}
    return Move(what="rolled-back", release=release, environment=environment, who=who, details=details)


def found(ledger: Ledger, model: str, environment: str, served: Served, who: str) -> Move | None:
    """What serves by a deploy or rollback that was cut off before it was written down; None where nothing is so."""
    came, release = served.came, served.release
    if came is None or release is None or not unrecorded(Moves(ledger, model), environment, served):
        return None
    told = {"found": f"in the notes on the Deployment: it serves since {came.since}"}
    if came.kind == "rollback":
        reason = came.reason or "no reason was given"
        move = rolled_back(release, environment, who, left=came.left, reason=reason, placement=came.placement)
        return msgspec.structs.replace(move, details={**move.details, **told})
    told |= {"placement": came.placement}
    return Move(what="promoted", release=release, environment=environment, who=who, details=told, deployed=told)


def against(ledger: Ledger, release: Release, environment: str) -> Iterator[tuple[str, str]]:
    """What of the order of builds is against a promotion, and what to do about it."""
    if (highest := reached(ledger, release.model, environment)) > release.build:
        yield (
            f"build {highest} has been promoted there, and this is build {release.build}",
            "an older release returns by `mlagent rollback` only; or build again",
        )
    if left := history.left_behind(ledger, release.model, environment, release.build):
        yield (
            f"it was rolled back there by {left.who} at {left.time} ({left.details.get('reason', '')})",
            "build a better one, or go back to it by `mlagent rollback --to`",
        )


def _says(fact: Fact, move: Move) -> bool:
    return (fact.what, fact.release, fact.build) == (move.what, move.release.digest, move.release.build)


def _admit(move: Move, ledger: Ledger, odd: Sequence[Finding], *, stands: bool) -> None:
    """What was asked before anything changed is asked again by who has the lock: others may have been faster."""
    if move.what == "rolled-back":
        return
    no = f"{move.release} is not promoted to {move.environment}"
    guard.refuse(ledger, move.release.model, odd, no)
    found = [] if stands else list(against(ledger, move.release, move.environment))
    if found:
        raise PolicyRefused(f"{no}: {'; '.join(said for said, _ in found)}", hint="; ".join(cure for _, cure in found))


def _deployed(ledger: Ledger, move: Move, details: Mapping[str, str]) -> bool:
    """Whether just this deploy is written down: by who was cut off before the promotion, say."""
    facts = (one.fact for one in ledger.about(move.release.model, move.environment))
    newest = next((one for one in facts if one.what == "deployed"), None)
    if newest is None or (newest.release, newest.build) != (move.release.digest, move.release.build):
        return False
    return newest.details.get("placement") == details.get("placement")


def _with_record(move: Move, ledger: Ledger) -> Move:
    """What serves again rests on what it rested on when it came first."""
    if move.what == "promoted":
        return move
    facts = (one.fact for one in ledger.about(move.release.model, move.environment) if one.fact.what == "promoted")
    first = next((one for one in facts if (one.release, one.build) == (move.release.digest, move.release.build)), None)
    if first is None:
        return move
    record = {"record": first.details["record"]} if "record" in first.details else {}
    return msgspec.structs.replace(move, holds=first.holds, details={**record, **move.details})


def _told(move: Move, registry: ModelRegistry, now: str) -> Fact:
    """The fact, with the version that it moves, where the registry knows it, and where the alias was before."""
    release = move.release
    known = {one.number: one.digest for one in registry.versions(release.model)}
    details = {"onnx": release.onnx, **move.details}
    if release.version is not None and known.get(release.version) == release.onnx:
        pointed = registry.pointed(release.model, move.environment)
        details |= {"version": str(release.version), "pointed": str(pointed.number) if pointed else NOWHERE}
    return _fact(move.what, move, now, details)


def _fact(
    what: Literal["deployed", "promoted", "rolled-back"], move: Move, now: str, details: Mapping[str, str]
) -> Fact:
    release = move.release
    return Fact(
        what=what,
        model=release.model,
        who=move.who,
        time=now,
        release=release.digest,
        environment=move.environment,
        build=release.build,
        run=release.run,
        holds=move.holds,
        details=details,
    )


def _finish(registry: ModelRegistry, ledger: Ledger, model: str, seal: Seal, *, but: Entry | None) -> list[str]:
    """End what was cut off, in whatever environment; what came to its end is left alone, whoever moved it since."""
    notes: list[str] = []
    moves, known = Moves(ledger, model), {one.number: one for one in registry.versions(model)}
    for entry in map(moves.newest, guard.ENVIRONMENTS):
        if entry and entry != but and not versions.settled(moves, known, entry):
            notes += _complete(entry, registry, ledger, seal)[1]
    return notes


def _complete(entry: Entry, registry: ModelRegistry, ledger: Ledger, seal: Seal) -> tuple[bool, Sequence[str]]:
    """Tags, alias, checkpoint, and the tag by which it is known to be done, each unless it is so.

    Gives whether the alias moved, and what is to be told of the checkpoint.
    """
    model, environment, number = entry.fact.model, entry.fact.environment, version(entry)
    known = {one.number: one.tags for one in registry.versions(model)}
    if number is None or number not in known:
        return False, seal(entry)
    moves = Moves(ledger, model)
    done = moves.stamped(entry, known[number].get(tag(environment), ""))
    if not done:
        registry.label(model, number, labels(entry, moves.highest(number)))
    pointed, notes = _point(registry, model, environment, number), seal(entry)
    if not done:
        registry.label(model, number, {tag(environment): stamp(entry)})
    return pointed, notes


def _point(registry: ModelRegistry, model: str, alias: str, number: int) -> bool:
    """Move the alias unless it is there; Held (21) when others move it each time."""
    for _ in range(ATTEMPTS):
        before = registry.pointed(model, alias)
        if before is not None and before.number == number:
            return False
        if registry.point(model, alias, number, before.number if before else None):
            return True
    raise Held(
        f"others move the alias {alias} of {model} all the time",
        hint="who else promotes this model? The same command tries again",
    )


def _unknown(release: Release) -> str:
    return f"the registry of models that is asked here does not know {release}, so no alias was moved"
