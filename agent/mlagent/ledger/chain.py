"""Whether the entries of a ledger follow from one another: what was edited, moved or taken out is named."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from operator import le
from typing import Annotated

import msgspec
from msgspec import Meta

from mlagent.core.digest import ALGORITHM, Digest
from mlagent.core.ports.ledger import Kept
from mlagent.ledger.found import Found, Gaps

BLOCK = 4096
CLOCKS_DIFFER = timedelta(minutes=1)

_sha256 = hashlib.sha256


class _When(msgspec.Struct, frozen=True, gc=False):
    time: Annotated[datetime, Meta(tz=True)]


class Link(msgspec.Struct, frozen=True, gc=False):
    """What of an entry the chain is made of; the rest need not be read to know whether it was changed."""

    number: int
    previous: Digest
    fact: _When


_link = msgspec.json.Decoder(Link).decode


class Chain:
    """Entries come in as they are kept, one after the other; what is wrong with them is said to `found`.

    A block that is right is seen to be so as a whole; one that is not is walked, entry by entry.
    """

    def __init__(self, found: Found) -> None:
        """Begin before the first entry."""
        self.number = 0  # of the entry that goes furthest
        self.head: Digest | None = ""  # its digest; None where what comes next cannot be held against it
        self._found, self._gaps = found, Gaps()
        self._time: datetime | None = None  # the latest
        self._end = datetime.now(UTC) + CLOCKS_DIFFER  # nothing can have happened after it
        self._shift = 0  # how far the numbers are from the places: in a file, what was taken out moves all others up
        self._broken, self._seam = 0, ""  # the entry that did not follow, until the next one shows where the change is

    def extend(self, kept: Sequence[Kept]) -> None:
        """Look at what comes next."""
        digests = [f"{ALGORITHM}:{_sha256(one.data).hexdigest()}" for one in kept]
        if kept and (self._broken or not self._whole(kept, digests)):
            for one, its in zip(kept, digests, strict=True):
                self._walk(one, its)

    def end(self) -> None:
        """Say what only shows at the end."""
        self._settle(None)
        for gap in self._gaps.said():
            self._found.say(gap, gap)

    def _whole(self, kept: Sequence[Kept], digests: list[Digest]) -> bool:
        try:
            links = [_link(one.data) for one in kept]
        except ValueError:
            return False
        times = [one.fact.time for one in links]
        before = times[0] if self._time is None else self._time
        latest = max(before, *times)
        if (
            self.head != links[0].previous
            or [one.previous for one in links[1:]] != digests[:-1]
            or [one.number for one in links] != list(range(self.number + 1, self.number + 1 + len(links)))
            or latest > self._end
            or not _forward([before, *times])
        ):
            return False
        self.number, self.head, self._time = links[-1].number, digests[-1], latest
        self._shift = kept[-1].number - self.number
        return True

    def _walk(self, one: Kept, its: Digest) -> None:
        try:
            link = _link(one.data)
        except ValueError as error:
            self._unreadable(one.number - self._shift, its, error)
            return
        number = link.number
        if number != self.number + 1 and link.previous == self.head:
            number = self.number + 1
            said = f"entry {number} says that it is entry {link.number}: it was changed"
            self._found.say(said, f"entry {number} number {its}")
        if number <= self.number:
            self._out_of_place(number, its)
            return
        self._follow(link, number, its)
        self._shift = one.number - number
        self.number, self.head = number, its

    def _unreadable(self, number: int, its: Digest, error: ValueError) -> None:
        self._settle(None)
        self._found.say(f"entry {number} of the ledger cannot be read: {error}", f"entry {number} {its}")
        self._pass(number)
        self.number, self.head = max(self.number, number), None

    def _follow(self, link: Link, number: int, its: Digest) -> None:
        self._pass(number)
        follows = None if self.head is None else link.previous == self.head
        self._settle(follows)
        if follows is False:
            self._broken, self._seam = number, f"entry {number} {its} after {self.head}"
        self._pass_time(link.fact.time, number, its)

    def _pass_time(self, time: datetime, number: int, its: Digest) -> None:
        if time > self._end:
            ahead = "which has not come yet: a clock was ahead, or this one is behind"
            said = f"entry {number} says {time.isoformat()}, {ahead}"
            self._found.say(said, f"entry {number} ahead {its}")
            return
        latest, self._time = self._time or time, time
        if latest - time > CLOCKS_DIFFER:
            said = f"the clock was set back: the time of entry {number} is {latest - time} before what was reached"
            self._found.say(said, f"entry {number} time {its}")
        else:
            self._time = max(latest, time)

    def _pass(self, number: int) -> None:
        """Note the numbers that were passed over; who comes after a gap has nothing to follow from."""
        if number > self.number + 1:
            self._gaps.open(self.number + 1, number - 1)
            self.head = None

    def _out_of_place(self, number: int, its: Digest) -> None:
        if self._gaps.fill(number):
            said = f"entry {number} stands after entry {self.number}: the order was changed"
        else:
            said = f"two entries say that they are entry {number}: one was put in, or the ledger was forked"
        self._found.say(said, f"entry {number} place {its}")

    def _settle(self, follows: bool | None) -> None:  # noqa: FBT001 - whether the next one follows; None: nobody knows
        """An entry is held by the one after it: where that one does not fit either, it is the one that was changed."""
        if self._broken:
            before, number = self._broken - 1, self._broken
            changed = {True: f"entry {before}", False: f"entry {number}", None: f"entry {before} or {number}"}[follows]
            self._found.say(f"entry {number} does not follow from the one before: {changed} was changed", self._seam)
        self._broken = 0


def faults(kept: Iterable[Kept]) -> list[str]:
    """What is wrong, each with the entry's number; empty when all is whole."""
    found, rest = Found(), iter(kept)
    chain = Chain(found)
    while block := list(islice(rest, BLOCK)):
        chain.extend(block)
    chain.end()
    return list(found.faults())


def _forward(times: Sequence[datetime]) -> bool:
    """Whether no time is earlier than any before by more than machines' clocks differ."""
    return all(map(le, times, times[1:])) or all(
        latest - time <= CLOCKS_DIFFER for latest, time in zip(accumulate(times, max), times, strict=True)
    )
