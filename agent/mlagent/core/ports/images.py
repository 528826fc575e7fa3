"""A registry of container images, one host: pieces by digest, manifests by digest or tag."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from mlagent.core.digest import Digest
from mlagent.core.oci import Descriptor

Progress = Callable[[int, int], None]
"""Told how many bytes are there, of how many."""


class Content(NamedTuple):
    """A manifest or index, its bytes as the registry keeps them."""

    data: bytes
    media_type: str


class Sent(NamedTuple):
    """What it took to have a piece there: the bytes that were moved, and how."""

    bytes: int
    how: Literal["there", "mounted", "uploaded"]


class ImageRegistry(Protocol):
    """`path` is a repository without its host. It may be shared by threads.

    ConfigError (3) when it does not let us in, PolicyRefused (12) when it lets us in and says no,
    InfrastructureError (20) when it is away, InputError (4) when what it gives is not what its digest says.
    """

    def manifest(self, path: str, reference: str) -> Content | None:
        """What a digest or tag names, verified; None where there is none."""

    def put_manifest(self, path: str, data: bytes, media_type: str, tag: str | None = None) -> Digest:
        """Keep a manifest, whose pieces must be there, under its digest, and under a tag too where one is given."""

    def size(self, path: str, digest: Digest) -> int | None:
        """Size in bytes of a piece that is there, else None; does not read it."""

    def pull(self, path: str, digest: Digest, size: int, to: Path, progress: Progress | None = None) -> None:
        """Write a piece there, verified, whole or not at all; goes on where an attempt before stopped."""

    def push(
        self,
        path: str,
        digest: Digest,
        file: Callable[[], Path],
        mount_from: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Sent:
        """Have a piece there: `file` is asked for only where the repositories of `mount_from` cannot lend it."""

    def tags(self, path: str) -> Sequence[str]:
        """Tags of a repository, sorted; empty for one that is not there."""

    def delete(self, path: str, reference: str) -> None:
        """Forget a manifest by its digest; does nothing where it is not there."""

    def refer(self, path: str, data: bytes) -> Digest:
        """Keep an OCI manifest that names a `subject`, and have it among its referrers; twice is once."""

    def referrers(self, path: str, subject: Digest, kind: str = "") -> Sequence[Descriptor]:
        """What names this manifest as its subject, of one artifact type or (empty) of any."""
