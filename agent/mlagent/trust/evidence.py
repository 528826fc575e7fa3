"""What was read about one image: what verifies, and what is there and does not, so that both can be told apart."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.oci import Manifest
from mlagent.errors import InputError
from mlagent.trust.statement import Statement

T = TypeVar("T")
Outcome = Literal["pass", "refused", "missing"]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Signatures on the image: the digests that those say which verify, by the names of their keys; how many others."""

    verified: Mapping[str, tuple[Digest, ...]] = {}
    others: int = 0


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """Statements of one predicate type: those that verify, those that do not, and what was no statement at all."""

    verified: tuple[Statement, ...] = ()
    others: tuple[Statement, ...] = ()
    faults: tuple[str, ...] = ()


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest` is None where the registry has no such image, `tagged` what its tag names now, where one was given.

    `reached` is the highest build that the environment has seen of `model`; both None where nobody asks.
    """

    repository: str
    digest: Digest
    manifest: Manifest | None
    tag: str | None = None
    tagged: Digest | None = None
    signed: Signed = Signed()
    attested: Mapping[str, Attested] = {}
    reached: int | None = None
    model: str | None = None

    def said(self, kind: str, parse: Callable[[Mapping[str, Any]], T]) -> "tuple[list[T], list[str]]":
        """What the verified statements of a type say about this image, and why others of them cannot be read."""
        found, faults = [], []
        for one in self.attested.get(kind, Attested()).verified:
            if self.digest in one.about():
                try:
                    found.append(parse(one.predicate))
                except InputError as error:
                    faults.append(error.message)
        return found, faults

    def absent(self, kind: str, faults: list[str]) -> "tuple[str, Outcome]":
        """Why nothing of a type counts, in words."""
        there = self.attested.get(kind, Attested())
        words = [*faults, *there.faults]
        elsewhere = [one.about() for one in (*there.verified, *there.others) if self.digest not in one.about()]
        words += [f"of another digest ({', '.join(sorted(map(digest.short, one))) or 'none'})" for one in elsewhere]
        if strangers := [one for one in there.others if self.digest in one.about()]:
            words.append(f"{len(strangers)} by another key")
        return ("; ".join(dict.fromkeys(words)), "refused") if words else ("none", "missing")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a decision: what was looked at, what the policy asks of it, and what was found."""

    what: str
    asked: str
    found: str
    outcome: Outcome
