"""Pieces of images by digest: on this machine as files, and in the store for every node."""

from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """Each piece is kept once, whatever run made it. InfrastructureError (20) when disk or store is out of reach.

    `home` is a folder of this node that outlives runs: for what can be made again, such as wheels and unpacked bases.
    A stage names what later stages need in `Outputs.blobs`; only that goes into the store, and is kept by `gc`.
    """

    @property
    def home(self) -> Path:
        """The folder of this node."""

    def has(self, digest: str) -> bool:
        """Whether it can be had here without making it; reads nothing."""

    def add(self, file: Path, digest: str) -> Path:
        """Take a file, which is moved, under the digest that its maker computed; where it is now."""

    def path(self, digest: str) -> Path:
        """Where it is, verified; fetched from the store where it is not here. MissingBlob or CorruptBlob (4)."""
