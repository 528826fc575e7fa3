"""The checkpoint that a promotion ends with, and its way to all the places where others keep it."""

from collections.abc import Callable, Sequence

from mlagent.core.ports.ledger import Entry, Ledger
from mlagent.errors import InputError
from mlagent.ledger import anchors as places
from mlagent.ledger import checkpoint, guard
from mlagent.ledger.anchors import Anchor
from mlagent.ledger.checkpoint import Sealed, Sign
from mlagent.ledger.moves import version
from mlagent.ledger.verification import verify


def anchor(
    entry: Entry, ledger: Ledger, anchors: Sequence[Anchor], sign: Sign | None, now: Callable[[], str]
) -> Sequence[str]:
    """Take one that is of this entry, too, unless there is one in every place; what is to be told of it.

    What contradicts the ledger, and nobody has acknowledged, is left where it lies.
    """
    number = version(entry)
    there = [(one, one.there(number)) for one in anchors if one.has(number)]
    lacking = [
        (one, data)
        for one, data in there
        if not places.covers(data, entry.number, signed=sign is not None)
        or (data and places.contradiction(ledger, data))
    ]
    if there and not lacking:
        return ()
    known = guard.acknowledged(ledger, entry.fact.model)
    sealed, notes = _taken(ledger, entry.fact.model, sign, now)
    if sealed is None:
        return notes
    for one, data in lacking:
        why = places.contradiction(ledger, data) if data else ""
        if data and why and places.finding(data).id not in known:
            notes.append(f"the checkpoint in {one.read()[0].where} was left where it is: {why}")
        else:
            one.write(checkpoint.write(sealed), number)
    return notes


def take(ledger: Ledger, model: str, now: str, sign: Sign | None) -> Sealed:
    """A checkpoint of what the ledger says now; of one that was changed, only where a person acknowledged all of that.

    It stands for the ledger as it is then, and not as it was: until then a checkpoint goes on from those before, and
    speaks against whoever has changed it. InputError (4) where the ledger does not even follow from the newest one.
    """
    facts = (one.fact for one in ledger.about(model))
    known = {
        one.details.get("finding", "")
        for one in facts
        if one.what == "acknowledged" and one.details.get("kind") == "ledger"
    }
    anew = bool(known) and all(one.id in known for one in guard.of_report(verify(ledger)))
    return checkpoint.take(ledger, now, sign, anew=anew)


def _taken(ledger: Ledger, model: str, sign: Sign | None, now: Callable[[], str]) -> tuple[Sealed | None, list[str]]:
    try:
        return take(ledger, model, now(), sign), []
    except InputError as error:
        return None, [error.message]
