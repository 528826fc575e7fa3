"""A checkpoint: how far the ledger went at a time, and the one hash that stands for all it said; signed by a key.

It lies beside the ledger and is put where others keep it: whoever changes or cuts the ledger cannot change those.
"""

from collections.abc import Callable, Iterator

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Kept, Ledger
from mlagent.errors import InputError
from mlagent.ledger.merkle import Frontier

Sign = Callable[[bytes], tuple[str, str]]
"""Bytes to a signature in base64, as cosign's `sign-blob` gives it, and the fingerprint of the key for people."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The first `size` entries: `root` of their RFC 6962 tree, `head` the digest of the last, `frontier` to go on from.

    `time` is when it was taken, RFC 3339 in UTC.
    """

    size: int
    root: Digest
    head: Digest
    time: str
    frontier: tuple[str, ...]


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint and the signature of its canonical JSON; both texts are empty where nobody signed."""

    checkpoint: Checkpoint
    signature: str = ""
    key: str = ""


class _Size(msgspec.Struct, frozen=True):
    size: int


class _Reach(msgspec.Struct, frozen=True):
    checkpoint: _Size
    signature: str = ""


_reached = msgspec.json.Decoder(_Reach).decode


def read(data: bytes) -> Sealed:
    """What `write` wrote; InputError (4) for anything else."""
    try:
        sealed = msgspec.json.decode(data, type=Sealed)
        said = sealed.checkpoint
        if Frontier(said.size, said.frontier).root() != said.root:
            raise InputError(
                f"the checkpoint of {said.size} entries contradicts itself: its frontier gives another root",
                hint="it was edited or damaged; `mlagent ledger verify` says what else is wrong",
            )
    except ValueError as error:
        raise InputError(
            f"a checkpoint cannot be read: {error}", hint="it was edited, or something else was put in its place"
        ) from error
    return sealed


def write(sealed: Sealed) -> bytes:
    """One line of canonical JSON, without its end."""
    return digest.canonical_json(sealed)


def signed(checkpoint: Checkpoint) -> bytes:
    """The bytes that a signature is of."""
    return digest.canonical_json(checkpoint)


def newest(ledger: Ledger) -> Sealed | None:
    """The kept checkpoint that goes furthest, a signed one before others; None where there is none."""
    return next(_readable(ledger), None)


def _readable(ledger: Ledger) -> Iterator[Sealed]:
    """Those that can be read, the furthest first; the others are for `verify` to name."""
    for data in sorted(ledger.checkpoints(), key=_reach, reverse=True):
        try:
            yield read(data)
        except InputError:
            continue


def reach(data: bytes) -> int:
    """How many entries one is of, whatever else is wrong with it; -1 where it cannot be read."""
    return _reach(data)[0]


def _reach(data: bytes) -> tuple[int, bool]:
    try:
        said = _reached(data)
    except ValueError:
        return -1, False
    return said.checkpoint.size, bool(said.signature)


def take(ledger: Ledger, now: str, sign: Sign | None, *, anew: bool = False) -> Sealed:
    """Seal what the ledger says now, or give the checkpoint that says it already; `now` is RFC 3339 in UTC.

    Only what came after the newest one is read. InputError (4) where it does not follow from that: it is not signed.
    `anew` takes all that is there as it is, whatever it was before: for who knows what is wrong with it and goes on.
    """
    last = None if anew else newest(ledger)
    frontier, head = _as_it_is(ledger) if anew else _grown(ledger, last.checkpoint if last else None)
    there = _said_already(ledger, frontier.size, frontier.root(), head) if anew else last
    if there and there.checkpoint.size == frontier.size and (there.signature or not sign):
        return there
    taken = Checkpoint(size=frontier.size, root=frontier.root(), head=head, time=now, frontier=frontier.hashes())
    signature, key = sign(signed(taken)) if sign else ("", "")
    sealed = Sealed(checkpoint=taken, signature=signature, key=key)
    ledger.seal(taken.size, write(sealed))
    return sealed


def _as_it_is(ledger: Ledger) -> tuple[Frontier, Digest]:
    frontier, newest_data = Frontier(), None
    for one in ledger.kept():
        newest_data = one.data
        frontier.extend([one.data])
    return frontier, "" if newest_data is None else digest.of_bytes(newest_data)


def _said_already(ledger: Ledger, size: int, root: Digest, head: Digest) -> Sealed | None:
    """A signed one before others, as they come in that order."""
    wanted = (size, root, head)
    there = ((one, one.checkpoint) for one in _readable(ledger))
    return next((one for one, said in there if (said.size, said.root, said.head) == wanted), None)


class _Link(msgspec.Struct, frozen=True):
    number: int
    previous: Digest


def _grown(ledger: Ledger, last: Checkpoint | None) -> tuple[Frontier, Digest]:
    """The frontier with what came since, and the digest of the last entry."""
    if last is None or last.size == 0:
        return _extended(Frontier(), "", ledger.kept())
    kept = ledger.kept(last.size)
    first = next(kept, None)
    if first is None or digest.of_bytes(first.data) != last.head:
        raise _does_not_follow(last.size)
    return _extended(Frontier(last.size, last.frontier), last.head, kept)


def _extended(frontier: Frontier, head: Digest, kept: Iterator[Kept]) -> tuple[Frontier, Digest]:
    for one in kept:
        head = _followed(one, frontier.size + 1, head)
        frontier.extend([one.data])
    return frontier, head


def _followed(one: Kept, number: int, previous: Digest) -> Digest:
    try:
        link = msgspec.json.decode(one.data, type=_Link)
    except ValueError as error:
        raise _does_not_follow(number) from error
    if link != _Link(number, previous):
        raise _does_not_follow(number)
    return digest.of_bytes(one.data)


def _does_not_follow(number: int) -> InputError:
    return InputError(
        f"entry {number} of the ledger is not the one that must come here, so no checkpoint was taken",
        hint="`mlagent ledger verify` says what was changed; restore the ledger from a backup",
    )
