"""The conditional write of S3: If-None-Match to create, If-Match to replace; the server decides who was first."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from mlagent.adapters.stores.reach import code_of

Call = Callable[..., Any]  # s3fs's call_s3: the name of an S3 operation and its parameters

LOST = {"PreconditionFailed", "412", "NoSuchKey", "404"}
BUSY = {"ConditionalRequestConflict", "OperationAborted", "409"}
UNKNOWN = {"NotImplemented", "501"}
MARK = "mlagent-write"
PAUSES_S = (0.05, 0.2, 0.5, 1.0, 0.0)


def put_if(call: Call, bucket: str, key: str, data: bytes, expected: str | None) -> bool | None:
    """Write an object if its ETag is `expected` (None: not there); None where the server knows no such write."""
    condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
    mark = uuid.uuid4().hex
    for pause in PAUSES_S:
        try:
            call("put_object", Bucket=bucket, Key=key, Body=data, Metadata={MARK: mark}, **condition)
        except OSError as error:
            code = code_of(error)
            if code in LOST:
                return _is_marked(call, bucket, key, mark)
            if code in UNKNOWN:
                return None
            if code not in BUSY or not pause:
                raise
            time.sleep(pause)
        else:
            return True
    raise AssertionError


def _is_marked(call: Call, bucket: str, key: str, mark: str) -> bool:
    """Whether it was our own write, whose answer got lost and which the client then tried again, that was first."""
    try:
        return bool(call("head_object", Bucket=bucket, Key=key)["Metadata"].get(MARK) == mark)
    except FileNotFoundError:
        return False
