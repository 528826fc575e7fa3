"""Named objects behind any fsspec URL: small, read and written whole."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from mlagent.adapters.stores import layout
from mlagent.adapters.stores.reach import Place, must_be_an_absence
from mlagent.core.ports.store import Named

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"}  # an object appears there whole or not at all


class RemoteNamed:
    """The half of a remote store that keeps named objects. A version is the digest of the bytes."""

    def __init__(self, files: Any, root: str, place: Place) -> None:  # noqa: ANN401 - fsspec has no types
        """`files` is an fsspec filesystem, `root` the folder in it."""
        self._files, self._root, self._place = files, root.rstrip("/"), place
        self._protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)

    @property
    def atomic_swap(self) -> bool:
        """False: fsspec has no conditional write."""
        return False

    def read(self, name: str) -> Named | None:
        """The object's bytes, and their version."""
        return self._read(self._at(layout.named(name)))

    def write(self, name: str, data: bytes) -> None:
        """Replace the object."""
        self._write(self._at(layout.named(name)), data)

    def swap(self, name: str, data: bytes, expected: str | None) -> bool:
        """Replace the object if its version is still the expected one."""
        path = self._at(layout.named(name))
        current = self._read(path)
        return (current.version if current else None) == expected and self._replace(path, data, expected)

    def remove(self, name: str) -> None:
        """Delete the object."""
        self._delete(self._at(layout.named(name)))

    def names(self, prefix: str) -> Iterator[str]:
        """Names of the objects in the prefix's folder that start with the prefix, sorted."""
        top = f"{layout.NAMED}/"
        names = (path.removeprefix(top) for path in self._found(layout.prefix(prefix)))
        yield from (name for name in names if name.startswith(prefix))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _found(self, folder: str) -> list[str]:
        with self._place.reached():
            return sorted(path[len(self._root) + 1 :] for path in self._files.find(self._at(folder)))

    def _delete(self, path: str) -> None:
        with self._place.reached():
            try:
                self._files.rm_file(path)
            except FileNotFoundError as error:
                must_be_an_absence(error)

    def _read(self, path: str) -> Named | None:
        with self._place.reached():
            try:
                data = self._files.cat_file(path)
            except FileNotFoundError as error:
                must_be_an_absence(error)
                return None
        return Named(data, hashlib.sha256(data).hexdigest())

    def _write(self, path: str, data: bytes) -> None:
        with self._place.reached():
            self._whole(path, lambda at: self._files.pipe_file(at, data))

    def _replace(self, path: str, data: bytes, expected: str | None) -> bool:  # noqa: ARG002 - S3 asks for it
        """Without a conditional write the last of several writers wins; reading again tells most of the others."""
        self._write(path, data)
        again = self._read(path)
        return again is not None and again.data == data

    def _whole(self, path: str, make: Callable[[str], object]) -> None:
        """Make an object; where a reader could see half of it, under another name that is then moved."""
        if self._protocols & OBJECT_STORES:
            make(path)
            return
        beside = self._at(f"{layout.TMP}/{uuid.uuid4().hex}")
        for one in (beside, path):
            self._files.makedirs(one.rpartition("/")[0], exist_ok=True)
        try:
            make(beside)
            self._files.mv(beside, path)
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(beside)
            raise
