"""What the ledger says of a time: what was where then, who brought it there and why, and on what evidence."""

from collections.abc import Iterator
from typing import NamedTuple

from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import MOVES, Entry, Fact, Ledger

REACH, OTHERS = 1000, 20


class At(NamedTuple):
    """What an environment was at: the entry that brought it there, and the one before of another release, or None.

    `evidence` are the entries about the release up to then, oldest first; `back_to` is the number of the oldest entry
    that was looked at for it.
    """

    entry: Entry
    replaced: Entry | None
    evidence: tuple[Entry, ...]
    back_to: int


def at(ledger: Ledger, model: str, environment: str, time: str, *, reach: int | None = REACH) -> At | None:
    """What was in an environment at a time, written as the ledger's; None where nothing was yet.

    Evidence is looked for until verdicts were found, and on until `reach` entries of the model, or twenty times as many
    of the ledger, say nothing about the release; None looks through all before.
    """
    moves = _moves(ledger, model, environment, time)
    entry = next(moves, None)
    if entry is None:
        return None
    replaced = next((one for one in moves if one.fact.release != entry.fact.release), None)
    evidence, back_to = _evidence(ledger, entry, time, reach)
    return At(entry, replaced, evidence, back_to)


def standing(ledger: Ledger, model: str, environment: str) -> Entry | None:
    """The newest move of an environment: what is to be there now; None where nothing was promoted yet."""
    return next(_moves(ledger, model, environment), None)


def commit(ledger: Ledger, model: str, environment: str, covered: int) -> str:
    """The commit of what an environment is at by the first `covered` entries; empty where they do not say so."""
    entry = next((one for one in _moves(ledger, model, environment, "") if one.number <= covered), None)
    if entry is None:
        return ""
    if said := entry.fact.details.get("commit"):
        return said
    signed = (one.fact for one in ledger.about(model) if one.number <= covered)
    same = (one for one in signed if entry.fact.run and one.run == entry.fact.run)
    return next((one.details["commit"] for one in same if one.details.get("commit")), "")


def left_behind(ledger: Ledger, model: str, environment: str, build: int) -> Fact | None:
    """The rollback that left this build's release, unless a later one went back to it; it does not come by itself."""
    for one in ledger.about(model, environment):
        fact = one.fact
        if fact.what == "rolled-back" and fact.details.get("from_build") == str(build):
            return fact
        if fact.what == "rolled-back" and fact.build == build:
            return None
    return None


def _moves(ledger: Ledger, model: str, environment: str, until: str = "") -> Iterator[Entry]:
    return (one for one in ledger.about(model, environment, until=until) if one.fact.what in MOVES)


def _evidence(ledger: Ledger, move: Entry, time: str, reach: int | None) -> tuple[tuple[Entry, ...], int]:
    names, found, back_to = _names(move.fact), list[Entry](), move.number
    judged, silent, last = False, 0, move.number
    for one in ledger.about(move.fact.model, until=time):
        back_to = one.number
        if one.fact.release in names or (one.fact.run and one.fact.run == move.fact.run):
            found.append(one)
            judged, silent, last = judged or one.fact.what == "verdict", 0, one.number
        elif one.number < move.number:
            silent += 1
        if reach is not None and judged and (silent >= reach or last - one.number >= reach * OTHERS):
            break
    return tuple(reversed(found)), back_to


def _names(fact: Fact) -> frozenset[Digest]:
    """A verdict is about what there was when it was given: the image, or the network before there was one."""
    return frozenset({fact.release, fact.details.get("onnx", "")} - {""})
