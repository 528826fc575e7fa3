"""The store in a folder: the default, and what a network file system uses too."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlagent.adapters.stores import disk, layout, refusals
from mlagent.adapters.stores.local_named import LocalNamed
from mlagent.adapters.stores.partial import partial, sweep


class LocalStore(LocalNamed):
    """The Store port in a folder. Blobs are copies, never hard links: the team may edit the file they came from."""

    def put(self, source: Path, digest: str) -> None:
        """Copy beside, digest the copy, flush, rename; a blob of the right size is taken as there."""
        path = self._root / layout.blob(digest)
        try:
            file = source.open("rb", buffering=0)
        except OSError as error:
            raise refusals.no_source(source, error) from error
        with file, disk.guarded(self._root):
            if self.size(digest) == os.fstat(file.fileno()).st_size:
                return
            with partial(self._root / layout.TMP / path.name) as copy:
                found = disk.copied(file.fileno(), copy.descriptor)
                if found != digest:
                    raise refusals.wrong_digest(source, digest, found)
                copy.become(path)
                with suppress(OSError):  # not every network file system has modes
                    os.fchmod(copy.descriptor, os.fstat(copy.descriptor).st_mode & ~0o222)

    def get(self, digest: str, target: Path) -> None:
        """Copy beside the target, digest the copy, flush, rename; a corrupt blob is dropped."""
        path = self._root / layout.blob(digest)
        with disk.guarded(self._root):
            try:
                file = path.open("rb", buffering=0)
            except FileNotFoundError as error:
                raise refusals.missing(str(self._root), digest) from error
            with file, partial(target.with_name(f".{path.name[:16]}.part")) as copy:
                found = disk.copied(file.fileno(), copy.descriptor)
                if found != digest:
                    self._drop_this(file.fileno(), path)
                    raise refusals.corrupt(str(self._root), digest, found)
                copy.become(target)

    def size(self, digest: str) -> int | None:
        """The file's size."""
        with disk.guarded(self._root):
            try:
                return (self._root / layout.blob(digest)).stat().st_size
            except FileNotFoundError:
                return None

    def drop(self, digest: str) -> None:
        """Remove the file."""
        with disk.guarded(self._root):
            (self._root / layout.blob(digest)).unlink(missing_ok=True)

    def blobs(self) -> Iterator[str]:
        """Digests of all blobs, sorted."""
        with disk.guarded(self._root):
            paths = sorted(path.as_posix() for path in (self._root / layout.BLOBS).glob("*/*"))
        yield from filter(None, map(layout.digest_at, paths))

    def sweep(self) -> int:
        """Remove what dead writers left half-written; gives how many files. Living writers are not disturbed."""
        with disk.guarded(self._root):
            return sweep(self._root / layout.TMP)

    @staticmethod
    def _drop_this(descriptor: int, path: Path) -> None:
        # another reader may have dropped it, and a writer brought it back whole, meanwhile
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            path.unlink(missing_ok=True)
