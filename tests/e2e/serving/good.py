"""Requests that the server of all kinds answers with 200: what mutants are made from."""

import json
import struct
from typing import Any

ROW: dict[str, Any] = {
    "number": 0.5,
    "integer": 7,
    "boolean": True,
    "text": "hé",
    "date": "2025-03-01",
    "datetime": "2025-03-01T12:30:00",
    "list": [1, 2.5, -3],
}
INFER, PREDICT, LIVE = b"/v2/models/kinds/infer", b"/predict", b"/v2/health/live"
_TYPES = {"number": "FP32", "integer": "INT64", "boolean": "BOOL", "list": "FP32"}
_PACKED = {"FP32": "f", "INT64": "q", "BOOL": "?"}


def rows() -> dict[str, Any]:
    """For /predict."""
    return {"rows": [ROW, ROW | {"number": None, "text": None}]}


def tensors() -> dict[str, Any]:
    """For the inference of the protocol, in JSON."""
    return {"id": "one", "inputs": [_tensor(name, value) for name, value in ROW.items()]}


def binary() -> tuple[dict[str, Any], bytes]:
    """The same, and what follows the JSON: tensors as they lie in memory."""
    body = tensors() | {"parameters": {"binary_data_output": True}}
    parts = []
    for one in body["inputs"]:
        data = one.pop("data")
        if one["datatype"] == "BYTES":
            texts = [text.encode() for text in data]
            parts.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
        else:
            parts.append(struct.pack(f"<{len(data)}{_PACKED[one['datatype']]}", *data))
        one["parameters"] = {"binary_data_size": len(parts[-1])}
    return body, b"".join(parts)


def post(path: bytes, body: bytes, *fields: bytes) -> bytes:
    """One request, whole."""
    head = [b"POST %s HTTP/1.1" % path, b"host: a", b"content-length: %d" % len(body), *fields]
    return b"\r\n".join([*head, b"", body])


def wholes() -> list[bytes]:
    """One of each kind."""
    described, data = binary()
    header = json.dumps(described).encode()
    return [
        b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % LIVE,
        post(PREDICT, json.dumps(rows()).encode(), b"content-type: application/json"),
        post(INFER, json.dumps(tensors()).encode()),
        post(INFER, header + data, b"inference-header-content-length: %d" % len(header)),
        b"POST %s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" % PREDICT,
    ]


def _tensor(name: str, value: Any) -> dict[str, Any]:
    data = value if isinstance(value, list) else [value]
    return {"name": name, "shape": [1, len(data)], "datatype": _TYPES.get(name, "BYTES"), "data": data}
