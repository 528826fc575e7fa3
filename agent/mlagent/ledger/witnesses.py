"""The checkpoints that speak for or against a ledger: those beside it, and those that others keep."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.ledger import Ledger
from mlagent.errors import InputError
from mlagent.ledger.checkpoint import Sealed, read, signed
from mlagent.ledger.found import Found

Good = Callable[[bytes, str], bool]
"""Whether a signature, in base64, is a good one of these bytes."""
BESIDE = "kept beside the ledger"
CHECKED = (
    20  # signatures that are looked at: each takes a program, and a newer checkpoint covers what an older one does
)


class Anchored(NamedTuple):
    """A sealed checkpoint and where it is, for people."""

    where: str
    data: bytes


class Saw(NamedTuple):
    """A checkpoint that can be read; `sure` where its signature was seen to be good."""

    where: str
    data: bytes
    sealed: Sealed
    sure: bool = False

    def __str__(self) -> str:
        """How it is named in a fault."""
        said = self.sealed.checkpoint
        return f"the checkpoint of {said.size} entries at {said.time} ({self.where})"

    @property
    def size(self) -> int:
        """How many entries it is of."""
        return self.sealed.checkpoint.size

    @property
    def says(self) -> tuple[Digest, Digest]:
        """The root of all its entries, and the digest of the last."""
        return self.sealed.checkpoint.root, self.sealed.checkpoint.head


def gathered(ledger: Ledger, anchors: Iterable[Anchored], found: Found, notes: list[str]) -> list[Saw]:
    """All of them, each once, by size; what cannot be read is a fault."""
    beside: dict[bytes, str] = {}
    try:
        beside.update((data, BESIDE) for data in ledger.checkpoints())
    except InputError as error:
        found.say(f"{error.message}; those after it were not read", f"checkpoints {error.message}")
    elsewhere = {one.data: one.where for one in anchors}
    saws: list[Saw] = []
    for data, where in (beside | elsewhere).items():
        try:
            saws.append(Saw(where, data, read(data)))
        except InputError as error:
            found.say(f"{error.message} ({where})", _key(data))
    gone = [str(one) for one in saws if one.data not in beside]
    notes += [f"{one} is not kept beside the ledger any more" for one in gone]
    return sorted(saws, key=lambda one: one.size)


def believed(
    saws: Sequence[Saw], good: Good | None, found: Found, notes: list[str], *, demanded: bool = False
) -> list[Saw]:
    """Those whose signature is good, or was not looked at, or is not there: a fault where one is `demanded`."""
    signatures = [one for one in saws if one.sealed.signature]
    if good is None:
        unseen = ["signatures of checkpoints were not looked at: no key to verify them by was given"]
        notes += unseen if signatures else _looked(saws, [], [], [])
        return list(saws)
    looked = signatures[-CHECKED:]
    bad = [one for one in reversed(looked) if not good(signed(one.sealed.checkpoint), one.sealed.signature)]
    for one in bad:
        by = f", says that it is by {one.sealed.key}" if one.sealed.key else ""
        found.say(f"{one} has no good signature{by}: it was edited, or another key signed it", _key(one.data))
    notes += _looked(saws, signatures, looked, bad)
    if demanded:
        _refuse_unsigned(saws, _covered(looked, bad), found)
    return [one._replace(sure=one in looked) for one in saws if one not in bad]


def fit(saws: Iterable[Saw], roots: Mapping[int, tuple[Digest, Digest]], size: int, found: Found) -> None:
    """Hold the ledger against them: `roots` is what it says at each of their sizes, `size` how far it goes."""
    by_size: dict[int, list[Saw]] = {}
    for one in saws:
        by_size.setdefault(one.size, []).append(one)
    for at, said in by_size.items():
        fitting = [one for one in said if at in roots and one.says == roots[at]]
        for one in said:
            if at not in roots:
                cut = f"the ledger was cut off: it ends after {size} entries, and {one} saw more"
                found.say(cut + _unless(one), _key(one.data))
            elif one.says != roots[at]:
                found.say(_rewritten(one, fitting), _key(one.data))


def covered(saws: Iterable[Saw], roots: Mapping[int, tuple[Digest, Digest]], *, signed: bool) -> int:
    """How many entries a checkpoint stands for; where they are `signed`, one that was seen to be."""
    return max((one.size for one in saws if roots.get(one.size) == one.says and (one.sure or not signed)), default=0)


def uncovered(covered: int, size: int, *, signed: bool) -> Iterator[str]:
    """How many of the newest entries no checkpoint stands for."""
    if 0 < covered < size:
        newest = "the newest entry" if size - covered == 1 else f"the newest {size - covered} entries"
        which = "checkpoint with a good signature" if signed else "checkpoint"
        yield f"no {which} covers {newest} yet: who can write to the ledger could still change that"


def _rewritten(one: Saw, fitting: Sequence[Saw]) -> str:
    if fitting:
        return f"the ledger was forked: {one} and {fitting[0]} saw different entries{_unless(one)}"
    return f"history was rewritten: the first {one.size} entries are not those that {one} saw{_unless(one)}"


def _unless(one: Saw) -> str:
    return "" if one.sure else "; or that checkpoint was changed: no signature that was checked speaks for it"


def _refuse_unsigned(saws: Sequence[Saw], covered: int, found: Found) -> None:
    """Whoever has no key could give others what nobody signed; training alone may take some without a signature."""
    beyond = [one for one in saws if one.size > covered and not one.sealed.signature]
    for one in [one for one in beyond if one.where != BESIDE or (not covered and one is saws[-1])]:
        found.say(
            f"{one} is not signed, and must be: who took it had no key (once that is acknowledged, `mlagent ledger"
            " checkpoint` with the key signs anew); or history was rewritten by somebody who has none",
            _key(one.data),
        )


def _covered(looked: Sequence[Saw], bad: Sequence[Saw]) -> int:
    return max((one.size for one in looked if one not in bad), default=0)


def _looked(saws: Sequence[Saw], signatures: Sequence[Saw], looked: Sequence[Saw], bad: Sequence[Saw]) -> list[str]:
    notes = []
    if len(signatures) > len(looked):
        others = len(signatures) - len(looked)
        notes.append(f"the signatures of the {others} oldest checkpoints were not looked at: newer ones cover them")
    if saws and not signatures:
        notes.append("no checkpoint is signed: who can write them all can rewrite the ledger")
    elif saws and not _covered(looked, bad):
        notes.append("no checkpoint has a good signature")
    return notes


def _key(data: bytes) -> str:
    return f"checkpoint {digest.of_bytes(data)}"
