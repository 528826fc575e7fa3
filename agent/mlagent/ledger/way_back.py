"""The way back where no cluster keeps what served before: by what the ledger tells of the environment."""

from collections.abc import Sequence
from typing import NamedTuple

from mlagent.core.ports.ledger import Entry, Ledger
from mlagent.core.release import Release
from mlagent.errors import InputError
from mlagent.ledger.moves import Moves, version


class Back(NamedTuple):
    """What is gone back to, and what is left for it; they are the same where there is nothing to do."""

    target: Entry
    left: Entry


def find(ledger: Ledger, model: str, environment: str, to: str = "") -> Back:
    """What was there before, built no later than what is there now; or what `to` names, a version or a digest.

    Without a `to` the same command twice does not go two steps. InputError (4) where there is nothing to go back to.
    """
    moves = Moves(ledger, model).of(environment)
    if not moves:
        raise InputError(f"nothing was promoted to {environment}", hint="`mlagent ledger show` says what was where")
    now = moves[0]
    if to:
        return Back(_named(moves, to), now)
    if now.fact.what == "rolled-back":
        return Back(now, now)
    older = (one for one in moves if one.fact.release != now.fact.release and one.fact.build <= now.fact.build)
    target = next(older, None)
    if target is None:
        raise InputError(f"nothing was in {environment} before {called(now)}", hint="promote another release")
    return Back(target, now)


def _named(moves: Sequence[Entry], to: str) -> Entry:
    told = to.removeprefix("sha256:")
    found = [one for one in moves if _called(one, told)]
    if len({one.fact.release for one in found}) > 1:
        named = ", ".join(dict.fromkeys(map(called, found)))
        raise InputError(f"{to!r} may be any of {named}", hint="name more of the digest")
    if not found:
        was = ", ".join(dict.fromkeys(map(called, moves)))
        raise InputError(f"{to!r} has not been there", hint=f"what was, the newest first: {was}")
    return found[0]


def _called(entry: Entry, told: str) -> bool:
    number, release = version(entry), entry.fact.release.removeprefix("sha256:")
    return (number is not None and told in (str(number), f"v{number}")) or (len(told) >= 6 and release.startswith(told))


def called(entry: Entry) -> str:
    """For people."""
    return str(release_of(entry, ""))


def release_of(entry: Entry, repository: str) -> Release:
    """The release that an entry tells of; its image is meant in this repository."""
    fact = entry.fact
    onnx = fact.details.get("onnx", "")
    return Release(
        model=fact.model,
        image="" if fact.release == onnx else f"{repository}@{fact.release}",
        version=version(entry),
        onnx=onnx,
        build=fact.build,
        run=fact.run,
    )
