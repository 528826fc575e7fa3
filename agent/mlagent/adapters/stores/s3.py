"""S3: conditional writes decide between machines, and large uploads go on where they were cut off."""

import hashlib
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]

from mlagent.adapters.stores import refusals
from mlagent.adapters.stores.remote import RemoteStore
from mlagent.adapters.stores.transfer import PART, in_order
from mlagent.core.digest import of_file
from mlagent.core.ports.store import Named

MAX_PARTS = 9_000  # S3 takes 10,000
LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class S3Store(RemoteStore):
    """The Store port over s3fs; a version is the object's ETag, so writing the same bytes again leaves it the same."""

    @property
    def atomic_swap(self) -> bool:
        """True: S3 has If-Match and If-None-Match on writes (Amazon's since 2024; MinIO, Ceph and moto too)."""
        return True

    def _read(self, path: str) -> Named | None:
        bucket, key = path.split("/", 1)

        async def get() -> Named:
            answer = await self._files._call_s3("get_object", Bucket=bucket, Key=key)  # noqa: SLF001 - gives the ETag too
            async with answer["Body"] as body:
                return Named(await body.read(), answer["ETag"])

        with self._place.reached():
            try:
                found: Named = fsspec.asyn.sync(self._files.loop, get)
            except FileNotFoundError:
                return None
        return found

    def _replace(self, path: str, data: bytes, expected: str | None) -> bool:
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        with self._place.reached():
            try:
                self._call("put_object", path, Body=data, **condition)
            except OSError as error:
                if any(word in f"{error} {error.__cause__}" for word in LOST):
                    return False
                raise
        return True

    def _upload(self, source: Path, digest: str, path: str) -> None:
        """In parts, several at a time; parts that an earlier try has sent are kept."""
        size = source.stat().st_size
        if size <= 2 * PART:
            super()._upload(source, digest, path)
            return
        found = of_file(source)
        if found != digest:
            raise refusals.wrong_digest(source, digest, found)
        with self._place.reached():
            self._in_parts(source, path, size)

    def _in_parts(self, source: Path, path: str, size: int) -> None:
        part = max(PART, -(-size // MAX_PARTS))
        upload = self._open_upload(path)
        sent = self._sent(path, upload)

        def send(number: int) -> dict[str, Any]:
            with source.open("rb") as file:
                file.seek((number - 1) * part)
                data = file.read(part)
            tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            if sent.get(number) != tag:
                answer = self._call("upload_part", path, UploadId=upload, PartNumber=number, Body=data)
                tag = answer["ETag"]
            return {"PartNumber": number, "ETag": tag}

        parts = list(in_order(send, range(1, -(-size // part) + 1)))
        self._call("complete_multipart_upload", path, UploadId=upload, MultipartUpload={"Parts": parts})

    def _open_upload(self, path: str) -> str:
        """The upload that an earlier try left open, else a new one."""
        bucket, key = path.split("/", 1)
        listed = self._files.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key).get("Uploads", [])
        opened = [one["UploadId"] for one in listed if one["Key"] == key]
        return str(opened[0] if opened else self._call("create_multipart_upload", path)["UploadId"])

    def _sent(self, path: str, upload: str) -> dict[int, str]:
        """Tags of the parts that are there, by number."""
        sent: dict[int, str] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self._call("list_parts", path, UploadId=upload, **more)
            sent |= {one["PartNumber"]: one["ETag"] for one in answer.get("Parts", [])}
            if not answer.get("IsTruncated"):
                return sent
            more = {"PartNumberMarker": answer["NextPartNumberMarker"]}

    def _call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - botocore's answers
        bucket, key = path.split("/", 1)
        return self._files.call_s3(method, Bucket=bucket, Key=key, **options)
