"""The Blobs port: a folder of this node in the layout of an OCI image, before the store."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mlagent.core import digest as content
from mlagent.core.artifact import Stored
from mlagent.core.ports.store import Store
from mlagent.engine import results


class NodeBlobs:
    """Files under `home`/blobs/sha256, each named by its digest; what is not here is fetched from the store."""

    def __init__(self, home: Path, store: Store) -> None:
        """Make nothing yet."""
        self._home, self._store = home, store
        self._verified: set[str] = set()

    @property
    def home(self) -> Path:
        """The folder of this node."""
        self._home.mkdir(parents=True, exist_ok=True)
        return self._home

    def has(self, digest: str) -> bool:
        """Whether its file is here, or the store has it."""
        return self._file(digest).is_file() or self._store.size(digest) is not None

    def add(self, file: Path, digest: str) -> Path:
        """Move the file into its place, whole or not at all; one that is there stays."""
        path = self._file(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(0o444)
        file.replace(path)
        self._verified.add(digest)
        return path

    def path(self, digest: str) -> Path:
        """Its file, read once in a process to see that it is what its name says."""
        path = self._file(digest)
        if digest in self._verified and path.is_file():
            return path
        if not (path.is_file() and content.of_file(path) == digest):
            with suppress(OSError):
                path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            self._store.get(digest, beside)
            beside.replace(path)
        self._verified.add(digest)
        return path

    def keep(self, digests: Sequence[str]) -> dict[str, Stored]:
        """Put them into the store, as outputs of a result: whoever reuses that finds them there."""
        return {results.BLOB + one: Stored(one, one, self._kept(one)) for one in dict.fromkeys(digests)}

    def _kept(self, digest: str) -> int:
        """Put it into the store, where it is not there yet; its size in bytes."""
        size = self._store.size(digest)
        if size is None:
            path = self.path(digest)
            self._store.put(path, digest)
            size = path.stat().st_size
        return size

    def _file(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return self._home / "blobs" / algorithm / name
