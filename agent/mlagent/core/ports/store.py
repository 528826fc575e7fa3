"""Where content and records are kept: blobs by digest, written once; small named objects, with compare-and-swap."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from mlagent.errors import InputError


class MissingBlob(InputError):
    """The store does not hold the blob: whoever wants it makes it again."""


class CorruptBlob(InputError):
    """The blob was not what its name says; it has been dropped, so that it is made again."""


class Named(msgspec.Struct, frozen=True):
    """A named object: its bytes, and the version (opaque text) that `swap` compares."""

    data: bytes
    version: str


class Store(Protocol):
    """Blobs and named objects; every read of a blob verifies it. InfrastructureError (20) when it is out of reach."""

    def put(self, source: Path, digest: str) -> None:
        """Keep the file under its digest; does nothing when it is there. The file must not change meanwhile."""

    def get(self, digest: str, target: Path) -> None:
        """Write the blob to `target`, whole or not at all; CorruptBlob (also dropped) or MissingBlob when it cannot."""

    def size(self, digest: str) -> int | None:
        """Size in bytes of a blob that is there, else None; does not read it."""

    def drop(self, digest: str) -> None:
        """Remove a blob; does nothing when it is not there."""

    def blobs(self) -> Iterator[str]:
        """Digests of all blobs."""

    def read(self, name: str) -> Named | None:
        """A named object (`/` in names makes folders), None when it is not there."""

    def write(self, name: str, data: bytes) -> None:
        """Write a named object whole, whatever was there."""

    def swap(self, name: str, data: bytes, expected: str | None) -> bool:
        """Write only if the version is still `expected` (None: not there); False when somebody else was first.

        A version may be a digest of the bytes: what is to be told apart must differ in them.
        """

    def remove(self, name: str) -> None:
        """Remove a named object; does nothing when it is not there."""

    def names(self, prefix: str) -> Iterator[str]:
        """Names that start with `prefix`, sorted."""

    @property
    def atomic_swap(self) -> bool:
        """Whether `swap` holds between machines: `doctor` says when it does not."""
