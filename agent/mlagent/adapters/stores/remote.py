"""The store behind any fsspec URL: write-once blobs, read in parallel parts, every read verified."""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]

from mlagent.adapters.stores import disk, layout, refusals
from mlagent.adapters.stores.partial import Partial, partial
from mlagent.adapters.stores.reach import Place
from mlagent.adapters.stores.transfer import fetch
from mlagent.core.digest import Digest, of_file
from mlagent.core.ports.store import Named, Store
from mlagent.errors import ConfigError

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"}  # an object appears there whole or not at all


def open_remote(url: str, options: Mapping[str, object]) -> Store:
    """The store behind a URL; nothing is reached yet. Listings are never cached: others write too."""
    place = Place.of(url, options)
    try:
        files, root = fsspec.core.url_to_fs(url, **{"use_listings_cache": False, **options})
    except ImportError as error:
        raise ConfigError(
            f"the Python package that opens {place.where} is not installed here: {place.masked(str(error))}",
            hint="pip install 'mlagent[store]' for s3://, gcsfs for gs://, adlfs for az://",
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"the store {place.where} cannot be opened: {place.masked(str(error))}",
            hint="use a folder, s3://bucket/folder, gs://bucket/folder or az://container/folder",
        ) from error
    if {"s3", "s3a"} & set([files.protocol] if isinstance(files.protocol, str) else files.protocol):
        from mlagent.adapters.stores.s3 import S3Store

        return S3Store(files, root, place)
    return RemoteStore(files, root, place)


class RemoteStore:
    """The Store port over a filesystem of fsspec.

    A large blob is downloaded in parallel and resumed; it is uploaded as the filesystem does it (adlfs: in parallel,
    gcsfs: part by part), and an interrupted upload begins again. A version is the digest of the bytes.
    """

    def __init__(self, files: Any, root: str, place: Place) -> None:  # noqa: ANN401 - fsspec has no types
        """`files` is an fsspec filesystem, `root` the folder in it."""
        self._files, self._root, self._place = files, root.rstrip("/"), place

    @property
    def atomic_swap(self) -> bool:
        """False: fsspec has no conditional write."""
        return False

    def put(self, source: Path, digest: str) -> None:
        """Upload, unless it is there with the right size."""
        path = self._at(layout.blob(digest))
        try:
            size = source.stat().st_size
        except OSError as error:
            raise refusals.no_source(source, error) from error
        if self.size(digest) != size:
            with disk.guarded(source):
                self._upload(source, digest, path)

    def get(self, digest: str, target: Path) -> None:
        """Download in parts beside the target, going on where an earlier try stopped; then rename."""
        path, size = self._at(layout.blob(digest)), self.size(digest)
        if size is None:
            raise refusals.missing(self._place.where, digest)
        beside = target.with_name(f".{digest.rpartition(':')[2][:16]}.part")
        with disk.guarded(target.parent), partial(beside, resumable=True) as copy:
            found = self._download(path, size, copy, digest)
            if found != digest:
                self.drop(digest)
                raise refusals.corrupt(self._place.where, digest, found)
            copy.become(target)

    def size(self, digest: str) -> int | None:
        """The object's size; one request."""
        with self._place.reached():
            try:
                return int(self._files.info(self._at(layout.blob(digest)))["size"])
            except FileNotFoundError:
                return None

    def drop(self, digest: str) -> None:
        """Delete the object."""
        self._delete(self._at(layout.blob(digest)))

    def blobs(self) -> Iterator[str]:
        """Digests of all blobs, sorted."""
        yield from filter(None, map(layout.digest_at, self._found(layout.BLOBS)))

    def read(self, name: str) -> Named | None:
        """The object's bytes, and their version."""
        return self._read(self._at(layout.named(name)))

    def write(self, name: str, data: bytes) -> None:
        """Replace the object."""
        path = self._at(layout.named(name))
        with self._place.reached():
            self._place_whole(path, data)

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
            except FileNotFoundError:
                return

    def _read(self, path: str) -> Named | None:
        with self._place.reached():
            try:
                data = self._files.cat_file(path)
            except FileNotFoundError:
                return None
        return Named(data, hashlib.sha256(data).hexdigest())

    def _replace(self, path: str, data: bytes, expected: str | None) -> bool:  # noqa: ARG002 - S3 asks for it
        """Without a conditional write: the last of several writers wins, the others see it when they read again."""
        with self._place.reached():
            self._place_whole(path, data)
        again = self._read(path)
        return again is not None and again.data == data

    def _place_whole(self, path: str, data: bytes) -> None:
        self._beside(path, lambda beside: self._files.pipe_file(beside, data))

    def _upload(self, source: Path, digest: str, path: str) -> None:
        found = of_file(source)
        if found != digest:
            raise refusals.wrong_digest(source, digest, found)
        with self._place.reached():
            self._beside(path, lambda beside: self._files.put_file(str(source), beside))

    def _download(self, path: str, size: int, copy: Partial, digest: str) -> Digest:
        def read(start: int, end: int) -> bytes:
            with self._place.reached():
                return bytes(self._files.cat_file(path, start=start, end=end))

        found = fetch(read, size, copy)
        if found != digest:  # perhaps it is the beginning, left here by an earlier try, that is damaged
            copy.empty()
            found = fetch(read, size, copy)
        return found

    def _beside(self, path: str, write: Callable[[str], object]) -> None:
        """Write under another name and rename, where the filesystem shows half-written files."""
        protocols = [self._files.protocol] if isinstance(self._files.protocol, str) else self._files.protocol
        if OBJECT_STORES & set(protocols):
            write(path)
            return
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        beside = f"{path}.{uuid.uuid4().hex}"
        write(beside)
        self._files.mv(beside, path)
