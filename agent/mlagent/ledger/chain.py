"""Whether the entries of a ledger follow from one another: what was edited, moved or taken out is named."""

from collections.abc import Iterable

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Kept


class _Link(msgspec.Struct, frozen=True):
    number: int
    previous: Digest


def faults(kept: Iterable[Kept]) -> list[str]:
    """What is wrong, each with the entry's number; empty when all is whole."""
    found: list[str] = []
    expected, previous = 1, ""
    for one in kept:
        if one.number != expected:
            found.append(f"entry {expected} is missing")
        found += _of(one, previous if one.number == expected else None)
        expected, previous = one.number + 1, digest.of_bytes(one.data)
    return found


def _of(one: Kept, previous: Digest | None) -> list[str]:
    try:
        link = msgspec.json.decode(one.data, type=_Link)
    except ValueError as error:
        return [f"entry {one.number} of the ledger cannot be read: {error}"]
    if link.number != one.number:
        return [f"entry {one.number} says that it is entry {link.number}: it was moved"]
    if previous is not None and link.previous != previous:
        return [f"entry {one.number} does not follow from the one before: one of the two was changed"]
    return []
