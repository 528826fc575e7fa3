"""S3, and what speaks its protocol: parallel uploads that resume, and a swap that the server itself decides."""

import uuid
from pathlib import Path
from typing import Any

from fsspec.asyn import sync

from mlagent.adapters.stores import refusals
from mlagent.adapters.stores.reach import must_be_an_absence
from mlagent.adapters.stores.remote import RemoteStore
from mlagent.adapters.stores.s3_swap import put_if
from mlagent.adapters.stores.s3_upload import Upload
from mlagent.adapters.stores.transfer import PART
from mlagent.core.digest import of_bytes
from mlagent.core.ports.store import Named

ATTEMPTS = 3


class S3Store(RemoteStore):
    """The Store port on S3, through s3fs.

    A version is the ETag. It is the same for the same bytes: what must not be mistaken for an earlier state of itself
    (a lease) carries a number that grows. Parts of uploads that nobody went on with are the bucket's to expire
    (lifecycle rule AbortIncompleteMultipartUpload).
    """

    _atomic: bool | None = None

    @property
    def atomic_swap(self) -> bool:
        """Whether this server honours conditional writes, tried out once: some that speak S3 ignore the condition."""
        if self._atomic is None:
            path = self._at(f"tmp/{uuid.uuid4().hex}")
            try:
                first, second = (self._replace(path, data, None) for data in (b"1", b"2"))
                third = self._replace(path, b"3", '"00000000000000000000000000000000"')
            finally:
                self._delete(path)
            self._atomic = first and not second and not third
        return self._atomic

    def _read(self, path: str) -> Named | None:
        with self._place.reached():
            try:
                data, version = sync(self._files.loop, _read, self._files, *self._split(path))
            except FileNotFoundError as error:
                must_be_an_absence(error)
                return None
        return Named(data, version)

    def _replace(self, path: str, data: bytes, expected: str | None) -> bool:
        bucket, key = self._split(path)
        with self._place.reached():
            done = put_if(self._files.call_s3, bucket, key, data, expected)
        return super()._replace(path, data, expected) if done is None else done

    def _upload(self, source: Path, digest: str, path: str) -> None:
        with source.open("rb") as file:
            if source.stat().st_size <= PART:
                data = file.read()
                if of_bytes(data) != digest:
                    raise refusals.wrong_digest(source, digest, of_bytes(data))
                self._files.pipe_file(path, data)
                return
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    Upload(self._files.call_s3, *self._split(path)).send(file, source, digest)
                except FileNotFoundError:  # another writer of the same blob has finished, or given up, this upload
                    if self.size(digest) == source.stat().st_size:
                        return
                    if attempt == ATTEMPTS:
                        raise
                else:
                    return

    def _split(self, path: str) -> tuple[str, str]:
        bucket, key, _ = self._files.split_path(path)
        return bucket, key


async def _read(files: Any, bucket: str, key: str) -> tuple[bytes, str]:  # noqa: ANN401 - s3fs has no types
    found = await files._call_s3("get_object", Bucket=bucket, Key=key)  # noqa: SLF001 - call_s3 as a coroutine
    async with found["Body"] as body:
        return await body.read(), found["ETag"]
