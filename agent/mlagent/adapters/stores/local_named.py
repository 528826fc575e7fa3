"""Named objects in a folder: plain files, replaced whole, one writer at a time under one lock."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mlagent.adapters.stores import disk, layout
from mlagent.adapters.stores.lock import locked, shared_between_machines
from mlagent.adapters.stores.partial import partial
from mlagent.core.ports.store import Named
from mlagent.errors import InputError


class LocalNamed:
    """The half of the local store that keeps named objects.

    A version is the file's time stamp, its number and its digest. Every write, under the lock, sets a stamp later than
    the one before: bytes that come back after others have another version.
    """

    def __init__(self, root: Path) -> None:
        """Nothing is made or looked at before it is needed."""
        self._root = root.absolute()

    @property
    def atomic_swap(self) -> bool:
        """Whether locks reach the other machines that see this folder: not on some network mounts."""
        return shared_between_machines(self._root.resolve())

    def read(self, name: str) -> Named | None:
        """The file's bytes; takes no lock, as a file never changes under its reader."""
        return self._read(self._root / layout.named(name))

    def write(self, name: str, data: bytes) -> None:
        """Replace the file."""
        path = self._root / layout.named(name)
        with disk.guarded(self._root), locked(self._root):
            self._replace(path, data)

    def swap(self, name: str, data: bytes, expected: str | None) -> bool:
        """Replace the file if, under the lock, its version is still the expected one."""
        path = self._root / layout.named(name)
        with disk.guarded(self._root), locked(self._root):
            current = self._read(path)
            if (current.version if current else None) != expected:
                return False
            self._replace(path, data)
            return True

    def remove(self, name: str) -> None:
        """Remove the file, and the folders that it leaves empty."""
        path, top = self._root / layout.named(name), self._root / layout.NAMED
        with disk.guarded(self._root):
            if not path.is_file():  # and no lock file is made for nothing
                return
        with disk.guarded(self._root), locked(self._root):
            if not path.is_file():  # somebody else removed it, perhaps with its folder, before we had the lock
                return
            path.unlink()
            disk.flush_folder(path.parent)
            for folder in path.parents:
                if folder == top or any(folder.iterdir()):
                    break
                folder.rmdir()

    def names(self, prefix: str) -> Iterator[str]:
        """Every file below the prefix's folder that starts with the prefix, sorted."""
        folder, top = self._root / layout.prefix(prefix), self._root / layout.NAMED
        with disk.guarded(self._root):
            files = (Path(at, file) for at, _, here in os.walk(folder, onerror=_not_if_gone) for file in here)
            names = [path.relative_to(top).as_posix() for path in files]
        yield from sorted(name for name in names if name.startswith(prefix))

    def _read(self, path: Path) -> Named | None:
        with disk.guarded(self._root):
            try:
                file = path.open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None
            with file:
                state, data = os.fstat(file.fileno()), file.read()
        return Named(data, f"{state.st_mtime_ns}-{state.st_ino}-{hashlib.sha256(data).hexdigest()[:32]}")

    def _replace(self, path: Path, data: bytes) -> None:
        before = path.stat().st_mtime_ns if path.is_file() else 0
        stamp = max(time.time_ns(), before + 1)
        with partial(self._root / layout.TMP / "named") as copy:
            copy.write(data)
            os.utime(copy.descriptor, ns=(stamp, stamp))
            try:
                copy.become(path)
            except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
                raise InputError(
                    f"{path} cannot be both a named object and a folder of others",
                    hint="choose a name that neither begins another one nor is begun by it",
                ) from error


def _not_if_gone(error: OSError) -> None:
    """A folder that was emptied and removed while names were listed holds none."""
    if not isinstance(error, FileNotFoundError):
        raise error
