"""Who did what to a model, when and on what evidence: an append-only record, and the number each build takes."""

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

import msgspec

from mlagent.core.digest import Digest

What = Literal["promoted", "approved", "rejected", "rolled-back", "acknowledged"]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened; `time` is RFC 3339 in UTC, `release` the digest it is about.

    `build` is the number of the build that did it, `holds` the digests it rests on: `gc` keeps their blobs.
    """

    what: What
    model: str
    who: str
    time: str
    release: Digest
    environment: str = ""
    build: int = 0
    holds: tuple[Digest, ...] = ()
    details: Mapping[str, str] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its place: `number` from 1 without a gap, `previous` the digest of the entry before (empty for none).

    The digest of an entry is that of its canonical JSON, so that changing one breaks every one after it.
    """

    number: int
    previous: Digest
    fact: Fact


class Ledger(Protocol):
    """Append-only; InfrastructureError (20) when it is out of reach."""

    def next_build(self) -> int:
        """Take the next build number, from 1: never given twice, to whatever process on whatever machine."""

    def append(self, fact: Fact) -> Entry:
        """Add a fact after all others, whole or not at all; Held (21) when others were faster every time."""

    def entries(self) -> Iterator[Entry]:
        """All entries, in order; InputError (4) names the one that cannot be read."""

    def verify(self) -> list[str]:
        """What is wrong, each with the entry's number: edited, reordered, removed, cut off; empty when it is whole."""


def reached(ledger: Ledger, model: str, environment: str) -> int:
    """The highest build that was promoted to an environment, 0 for none: a lower one does not go there any more."""
    there = (one.fact for one in ledger.entries())
    builds = (one.build for one in there if (one.what, one.model, one.environment) == ("promoted", model, environment))
    return max(builds, default=0)
