"""What of the registry is not as the ledger says: aliases, versions, and the tags that a promotion wrote."""

from collections.abc import Iterator, Mapping, Sequence

from mlagent.core.ports.ledger import Entry
from mlagent.core.ports.models import ModelRegistry, Version
from mlagent.ledger.anchors import TAG
from mlagent.ledger.checkpoint import reach
from mlagent.ledger.finding import Odd
from mlagent.ledger.moves import Moves, labels, pointed_before, tag, version

BACK = "put it back, and ask who has the rights to change it"


def odd(moves: Moves, registry: ModelRegistry, environments: Sequence[str]) -> Iterator[Odd]:
    """Of all environments. The tags are read before the aliases, which a promotion sets before its last tag."""
    known = {one.number: one for one in registry.versions(moves.model)}
    unsettled = [one for one in map(moves.newest, environments) if one and not settled(moves, known, one)]
    yield from _gone(moves, known)
    yield from _shared(moves, known, unsettled)
    for environment in environments:
        yield from _stamps(moves, known, environment)
        yield from _covered(moves, known, environment)
    for environment in environments:
        pointed = registry.pointed(moves.model, environment)
        yield from _alias(moves, known, environment, pointed.number if pointed else None)


def settled(moves: Moves, known: Mapping[int, Version], entry: Entry) -> bool:
    """Whether the move came to its end: its last tag is there. Of a release that the registry did not know none is."""
    number = version(entry)
    if number is None or number not in known:
        return True
    return moves.stamped(entry, known[number].tags.get(tag(entry.fact.environment), ""))


def _covered(moves: Moves, known: Mapping[int, Version], environment: str) -> Iterator[Odd]:
    """The newest move that came to its end left a checkpoint of itself with its version; an older one was put back."""
    entry = next((one for one in moves.of(environment) if settled(moves, known, one)), None)
    number = version(entry) if entry else None
    if entry is None or number is None or number not in known:
        return
    there = known[number].tags.get(TAG, "")
    size = reach(there.encode()) if there else 0
    if 0 <= size < entry.number:  # one that cannot be read is named by `verify`
        says = (
            f"the tag {TAG} of version {number} says {f'{size} entries' if there else 'nothing'}, and entry"
            f" {entry.number} left one there of itself: it was put back, and what came since may have been rewritten"
        )
        yield Odd("tag-differs", environment, f"{number} {TAG} {size} under {entry.number}", says, BACK)


def _alias(moves: Moves, known: Mapping[int, Version], environment: str, pointed: int | None) -> Iterator[Odd]:
    entry = moves.newest(environment)
    wanted = version(entry) if entry else None
    if entry is None:
        if pointed is not None:
            says = f"the alias {environment} points at version {pointed}, and the ledger tells of no promotion there"
            cure = f"take the alias away, and promote the version: `mlagent promote --env {environment}`"
            yield Odd("alias-moved", environment, f"{pointed} without a move", says, cure)
        return
    if wanted is None or wanted not in known:
        return
    done, cause = settled(moves, known, entry), f"entry {entry.number} of the ledger says version {wanted}"
    if not done and pointed in (wanted, pointed_before(entry)):
        says = f"the promotion to {environment} by entry {entry.number} of the ledger was cut off"
        cure = "the next promotion, or rollback, ends it first"
        yield Odd("cut-off", environment, str(entry.number), says, cure, blocks=False)
    elif pointed is None:
        says = f"the alias {environment} is gone, and {cause}"
        yield Odd("alias-gone", environment, f"gone after {entry.number}", says, f"point it at version {wanted} again")
    elif pointed != wanted:
        says = f"the alias {environment} was moved by hand: it points at version {pointed}, and {cause}"
        yield Odd("alias-moved", environment, f"{pointed} after {entry.number}", says, _put(environment, wanted))


def _put(environment: str, number: int) -> str:
    return f"point the alias {environment} at version {number} again, and ask who moved it"


def _gone(moves: Moves, known: Mapping[int, Version]) -> Iterator[Odd]:
    """Versions that a move tells of, and that are not there any more, or stand for something else."""
    for number, entry in moves.by_version().items():
        where, onnx = entry.fact.environment, entry.fact.details.get("onnx", "")
        if number not in known:
            says = f"version {number} was deleted from the registry: entry {entry.number} brought it to {where}"
            yield Odd("version-deleted", "", str(number), says, "restore it from a backup of the registry")
        elif onnx and known[number].digest != onnx:
            says = f"version {number} says that it is {known[number].digest}: {onnx} was promoted as that version"
            yield Odd("tag-differs", "", f"{number} digest {known[number].digest}", says, BACK)


def _shared(moves: Moves, known: Mapping[int, Version], unsettled: Sequence[Entry]) -> Iterator[Odd]:
    """The tags that all environments share; those of a version that is being moved, or was left so, are not yet."""
    moving = {version(one) for one in unsettled}
    for number, entry in moves.by_version().items():
        if number in moving or number not in known:
            continue
        for name, wanted in labels(entry, moves.highest(number)).items():
            there = known[number].tags.get(name, "")
            if there != wanted:
                says = f"the tag {name} of version {number} says {there or 'nothing'}, and the ledger {wanted}"
                yield Odd("tag-differs", "", f"{number} {name} {there} not {wanted}", says, BACK)
    for number in set(known) - set(moves.by_version()):
        if (stage := known[number].tags.get("stage", "")) in ("Staging", "Production"):
            says = f"the tag stage of version {number} says {stage}, and the ledger tells of no promotion of it"
            yield Odd("tag-differs", "", f"{number} stage {stage} without a move", says, BACK)


def _stamps(moves: Moves, known: Mapping[int, Version], environment: str) -> Iterator[Odd]:
    """The tags that name entries: each the newest that brought the version there, and no other."""
    name, newest, by_version = tag(environment), moves.newest(environment), moves.by_version(environment)
    for number, one in known.items():
        entry, there = by_version.get(number), one.tags.get(name, "")
        if entry is None and there:
            says = f"the tag {name} of version {number} says {there!r}: the ledger tells of no such promotion"
            yield Odd("tag-differs", environment, f"{number} {name} {there} without a move", says, BACK)
        if entry is None or moves.stamped(entry, there):
            continue
        older = [old for old in moves.of(environment) if version(old) == number][1:2]
        cut_off = entry is newest and (moves.stamped(older[0], there) if older else not there)
        if not cut_off:
            says = f"the tag {name} of version {number} says {there!r}, and entry {entry.number} brought it there"
            yield Odd("tag-differs", environment, f"{number} {name} {there} not {entry.number}", says, BACK)
