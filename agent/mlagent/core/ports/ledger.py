"""Who did what to a model, when and on what evidence: an append-only record, and the number each build takes."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

import msgspec

from mlagent.core.digest import Digest
from mlagent.errors import InputError

What = Literal[
    "data-accepted",
    "run-finished",
    "verdict",
    "waived",
    "overridden",
    "drifted",
    "retrained",
    "approved",
    "rejected",
    "timed-out",
    "aborted",
    "deployed",
    "promoted",
    "rolled-back",
    "acknowledged",
]
MOVES = ("promoted", "rolled-back")  # what says which release an environment is at
NOTE = "mlagent.io/ledger"  # the annotation of a Deployment that holds a checkpoint


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened; `time` is RFC 3339 in UTC, `release` the digest it is about, empty for none.

    `build` is the number of the build that did it, `run` its id; `holds` are the digests it rests on: `gc` keeps their
    blobs. `environment` is empty where it is about none.
    """

    what: What
    model: str
    who: str
    time: str
    release: Digest
    environment: str = ""
    build: int = 0
    run: str = ""
    holds: tuple[Digest, ...] = ()
    details: Mapping[str, str] = {}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its place: `number` from 1 without a gap, `previous` the digest of the entry before (empty for none).

    The digest of an entry is that of its bytes as they are kept, so that changing one breaks every one after it.
    """

    number: int
    previous: Digest
    fact: Fact


class Kept(NamedTuple):
    """An entry as it is kept: under which number, and its bytes (one line of canonical JSON), whatever they say."""

    number: int
    data: bytes


class Head(NamedTuple):
    """The newest entry's number and digest; 0 and nothing for an empty ledger."""

    number: int = 0
    digest: Digest = ""


class Ledger(Protocol):
    """Append-only; InfrastructureError (20) when it is out of reach, InputError (4) for an entry nobody can read."""

    def next_build(self) -> int:
        """Take the next build number, from 1: never given twice, to whatever process on whatever machine."""

    def append(self, fact: Fact) -> Entry:
        """Add a fact after all others, whole or not at all; Held (21) when others were faster every time."""

    def head(self) -> Head:
        """How far it goes now."""

    def kept(self, first: int = 1) -> Iterator[Kept]:
        """What is kept, from this number on, in the order of the numbers, as it is: for who looks for faults."""

    def about(self, model: str, environment: str | None = None, *, until: str = "") -> Iterator[Entry]:
        """The entries about a model, the newest first: of an environment (None: of any), no later than `until`."""

    def holding(self, what: str, who: str) -> AbstractContextManager[None]:
        """Have this to oneself: one process on one machine at a time; waits a while, then Held (21) says who has it.

        Whoever dies lets go of it, some at once and some after a minute.
        """

    def checkpoints(self) -> Iterator[bytes]:
        """The kept checkpoints, oldest first."""

    def seal(self, size: int, checkpoint: bytes) -> None:
        """Keep a checkpoint of the first `size` entries beside them; the same again changes nothing."""


def entries(ledger: Ledger, first: int = 1) -> Iterator[Entry]:
    """All entries from this number on, in order; InputError (4) names the one that cannot be read."""
    return (decode(one) for one in ledger.kept(first))


def decode(kept: Kept) -> Entry:
    """What an entry says; InputError (4) where it cannot be read."""
    try:
        return msgspec.json.decode(kept.data, type=Entry)
    except ValueError as error:
        raise InputError(
            f"entry {kept.number} of the ledger cannot be read: {error}",
            hint="was it written by a newer mlagent? use that one; `mlagent ledger verify` says whether it was changed",
        ) from error


def reached(ledger: Ledger, model: str, environment: str) -> int:
    """The highest build that was promoted to an environment, 0 for none: a lower one does not go there any more."""
    found = (one.fact.build for one in ledger.about(model, environment) if one.fact.what == "promoted")
    return max(found, default=0)
