"""The few entries of a ledger that are about one release, each with the proof that the whole one holds it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import MOVES, Kept, Ledger
from mlagent.errors import InputError
from mlagent.ledger import checkpoint, merkle
from mlagent.ledger.checkpoint import Sealed
from mlagent.ledger.pack import Parts
from mlagent.ledger.standalone import verify

ACCEPTED = "data-accepted"


class _Fact(msgspec.Struct, frozen=True):
    model: str
    what: str
    run: str
    holds: tuple[Digest, ...]


class _Entry(msgspec.Struct, frozen=True):
    number: int
    fact: _Fact


def about(ledger: Ledger, model: str, names: Collection[str], data: Digest) -> list[Kept]:
    """The entries about a model in which one of these names (digests, the id of a run) stands, the oldest first.

    Of its data only that they were accepted: other runs use the same. One pass; an entry is decoded only where a name
    stands in it. InputError (4) for one that cannot be read, or is not in its place.
    """
    spelled = {one: digest.canonical_json(one) for one in names if one}
    own = [text for one, text in spelled.items() if one != data]
    found = []
    for kept in ledger.kept():
        if any(text in kept.data for text in spelled.values()):
            fact = _read(kept)
            accepted = fact.what == ACCEPTED or any(text in kept.data for text in own)
            found += [kept] if fact.model == model and accepted else []
    return found


def held(entries: Iterable[Kept], run: str) -> set[Digest]:
    """What the moves by a run rest on."""
    facts = (_read(one) for one in entries)
    return {one for fact in facts if fact.what in MOVES and fact.run == run for one in fact.holds}


def covering(ledger: Ledger, last: int, good: Callable[[Sealed], bool]) -> Sealed | None:
    """The first checkpoint that is signed and stands for `last` entries: the same for ever, however long it grows."""
    signed = (one for one in _readable(ledger) if one.signature and one.checkpoint.size >= last)
    return next((one for one in sorted(signed, key=lambda one: one.checkpoint.size) if good(one)), None)


def _readable(ledger: Ledger) -> Iterator[Sealed]:
    for data in ledger.checkpoints():
        with suppress(InputError):  # for `mlagent ledger verify` to name
            yield checkpoint.read(data)


def parts(ledger: Ledger, entries: Iterable[Kept], sealed: Sealed | None) -> Parts:
    """The entries as they are kept, their proofs, the checkpoint; those after it have no proof.

    InputError (4) where the checkpoint does not stand for what the ledger says now.
    """
    found = list(entries)
    files = {verify.ENTRIES: b"".join(one.data + b"\n" for one in found)}
    if not found:
        return Parts(
            absent=dict.fromkeys((verify.ENTRIES, verify.CHECKPOINT), "the ledger says nothing of this release")
        )
    if sealed is None:
        return Parts(files=files, absent={verify.CHECKPOINT: "none was taken yet: `mlagent ledger checkpoint`"})
    proofs = {str(number): path for number, path in _proofs(ledger, found, sealed).items()}
    files |= {verify.PROOFS: digest.canonical_json(proofs), verify.CHECKPOINT: checkpoint.write(sealed)}
    return Parts(files=files)


def _proofs(ledger: Ledger, entries: Iterable[Kept], sealed: Sealed) -> dict[int, tuple[str, ...]]:
    """By number."""
    said = sealed.checkpoint
    proven = [one for one in entries if one.number <= said.size]
    if not proven:
        return {}
    first = (data.data for data, _ in zip(ledger.kept(), range(said.size), strict=False))
    paths = merkle.inclusions([one.number - 1 for one in proven], first)
    for one in proven:
        if not merkle.verify_inclusion(one.data, one.number - 1, said.size, paths[one.number - 1], said.root):
            raise _wrong(f"the ledger is not what the checkpoint of {said.size} entries ({said.time}) stands for")
    return {place + 1: path for place, path in paths.items()}


def _read(one: Kept) -> _Fact:
    try:
        entry = msgspec.json.decode(one.data, type=_Entry)
    except ValueError as error:
        raise _wrong(f"entry {one.number} of the ledger cannot be read: {error}") from error
    if entry.number != one.number:
        raise _wrong(f"entry {one.number} of the ledger says that it is entry {entry.number}")
    return entry.fact


def _wrong(message: str) -> InputError:
    hint = "`mlagent ledger verify` says what was changed; nothing was packed"
    return InputError(message, hint=hint)
