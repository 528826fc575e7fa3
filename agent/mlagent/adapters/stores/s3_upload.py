"""One large object on its way to S3: parts in parallel, and those that an interrupted try left there are not resent."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mlagent.adapters.stores import refusals
from mlagent.adapters.stores.s3_swap import Call
from mlagent.adapters.stores.transfer import PART, in_order
from mlagent.core.digest import ALGORITHM

MOST_PARTS = 10_000


class _Part(NamedTuple):
    number: int
    data: bytes


class Upload:
    """A multipart upload of one key: an open one is gone on with. Nothing can be read before it is completed."""

    def __init__(self, call: Call, bucket: str, key: str) -> None:
        """`call` is s3fs's call_s3."""
        self._call, self._where = call, {"Bucket": bucket, "Key": key}

    def send(self, file: BinaryIO, source: Path, digest: str) -> None:
        """Send the file's bytes; complete only if they have the digest. FileNotFoundError when another ended it."""
        upload = self._open_upload() or self._call("create_multipart_upload", **self._where)["UploadId"]
        self._where["UploadId"] = upload
        known, sha = self._known_parts(), hashlib.sha256()

        def one(part: _Part) -> dict[str, object]:
            tag = f'"{hashlib.md5(part.data, usedforsecurity=False).hexdigest()}"' if part.number in known else ""
            if not tag or known[part.number] != tag:
                sent = self._call("upload_part", **self._where, PartNumber=part.number, Body=part.data)
                tag = sent["ETag"]
            return {"PartNumber": part.number, "ETag": tag}

        parts = list(in_order(one, _parts(file, sha)))
        found = f"{ALGORITHM}:{sha.hexdigest()}"
        if found != digest:
            self._call("abort_multipart_upload", **self._where)
            raise refusals.wrong_digest(source, digest, found)
        self._call("complete_multipart_upload", **self._where, MultipartUpload={"Parts": parts})

    def _open_upload(self) -> str | None:
        bucket, key = self._where["Bucket"], self._where["Key"]
        found = self._call("list_multipart_uploads", Bucket=bucket, Prefix=key).get("Uploads") or []
        return next((str(one["UploadId"]) for one in found if one["Key"] == key), None)

    def _known_parts(self) -> dict[int, str]:
        """ETags of the parts that are there: the MD5 of a part, or no part of ours can equal it and all are resent."""
        tags: dict[int, str] = {}
        more: dict[str, Any] = {}
        while True:
            page = self._call("list_parts", **self._where, **more)
            tags |= {one["PartNumber"]: one["ETag"] for one in page.get("Parts") or []}
            if not page.get("IsTruncated"):
                return tags
            more = {"PartNumberMarker": page["NextPartNumberMarker"]}


def _parts(file: BinaryIO, sha: "hashlib._Hash") -> Iterator[_Part]:
    size = file.seek(0, 2)
    file.seek(0)
    length, number = max(PART, -(-size // MOST_PARTS)), 0
    while data := file.read(length):
        number += 1
        sha.update(data)
        yield _Part(number, data)
