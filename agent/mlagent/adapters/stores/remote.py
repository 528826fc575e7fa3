"""The store behind any fsspec URL: write-once blobs, read in parallel parts, every read verified."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec

from mlagent.adapters.stores import disk, layout, refusals
from mlagent.adapters.stores.partial import Partial, partial
from mlagent.adapters.stores.reach import Place, must_be_an_absence
from mlagent.adapters.stores.remote_named import RemoteNamed
from mlagent.adapters.stores.transfer import fetch
from mlagent.core.digest import Digest, of_file
from mlagent.core.ports.store import Store
from mlagent.errors import ConfigError


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
    if "s3" in files.protocol:
        from mlagent.adapters.stores.s3 import S3Store

        return S3Store(files, root, place)
    return RemoteStore(files, root, place)


class RemoteStore(RemoteNamed):
    """The Store port over a filesystem of fsspec.

    A large blob is downloaded in parallel and resumed. It is uploaded as the filesystem does it (adlfs: in parallel,
    gcsfs: part by part), and an interrupted upload begins again.
    """

    def put(self, source: Path, digest: str) -> None:
        """Upload, unless it is there with the right size."""
        path = self._at(layout.blob(digest))
        try:
            with source.open("rb") as file:  # so that what is wrong with it is not laid at the store's door
                size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise refusals.no_source(source, error) from error
        if self.size(digest) != size:
            with self._place.reached():
                self._upload(source, digest, path)

    def get(self, digest: str, target: Path) -> None:
        """Download in parts beside the target, going on where an earlier try stopped; then rename."""
        path, size = self._at(layout.blob(digest)), self.size(digest)
        if size is None:
            raise refusals.missing(self._place.where, digest)
        beside = target.with_name(f".{digest.rpartition(':')[2][:16]}.part")
        with disk.guarded(target.parent), partial(beside, resumable=True) as copy:
            found = self._download(path, size, digest, copy)
            if found != digest:
                self.drop(digest)
                raise refusals.corrupt(self._place.where, digest, found)
            copy.become(target)

    def size(self, digest: str) -> int | None:
        """The object's size; one request when it is there."""
        path = self._at(layout.blob(digest))
        with self._place.reached():
            try:
                return int(self._files.info(path)["size"])
            except FileNotFoundError as error:
                must_be_an_absence(error)
                return None

    def drop(self, digest: str) -> None:
        """Delete the object."""
        self._delete(self._at(layout.blob(digest)))

    def blobs(self) -> Iterator[str]:
        """Digests of all blobs, sorted."""
        yield from filter(None, map(layout.digest_at, self._found(layout.BLOBS)))

    def _upload(self, source: Path, digest: str, path: str) -> None:
        found = of_file(source)
        if found != digest:
            raise refusals.wrong_digest(source, digest, found)
        self._whole(path, lambda at: self._files.put_file(str(source), at))

    def _download(self, path: str, size: int, digest: str, into: Partial) -> Digest:
        def read(start: int, end: int) -> bytes:
            with self._place.reached():
                try:
                    data: bytes = self._files.cat_file(path, start=start, end=end)
                except FileNotFoundError as error:
                    raise refusals.missing(self._place.where, digest) from error
            return data

        resumed = into.size() > 0
        found = fetch(read, size, into)
        if found != digest and resumed:  # it may be the beginning found here that is wrong, not the store
            into.empty()
            found = fetch(read, size, into)
        return found
