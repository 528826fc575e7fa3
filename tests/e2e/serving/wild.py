"""Requests that something is wrong with, made from good ones by a seeded hand; now and then one is right by chance."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

INFER, PREDICT = "/v2/models/kinds/infer", "/predict"
ROW: dict[str, Any] = {
    "number": 0.5,
    "integer": 3,
    "boolean": True,
    "text": "a",
    "date": "2025-03-01",
    "datetime": "2025-03-01T12:30:00",
    "list": [1, 2, 3],
}
TYPES = {"number": "FP32", "integer": "INT64", "boolean": "BOOL", "list": "FP32"}
TENSORS = [
    {
        "name": name,
        "shape": [1, 3 if name == "list" else 1],
        "datatype": TYPES.get(name, "BYTES"),
        "data": value if name == "list" else [value],
    }
    for name, value in ROW.items()
]
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, 0.5, "", "é\u0000", "x" * 5000),
    *([], {}, [[]], [None], {"a": {}}, [1] * 300),
)
ODD_TEXTS = (
    b"NaN",
    b"Infinity",
    b"1e999",
    b"-",
    b"0x10",
    b"01",
    b"'a'",
    b"\xff\xfe",
    b"\\ud800",
    b"[" * 3000,
    b"{" * 900,
)
TOKENS = (
    b"\r\n",
    b"\x00",
    b":",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"%",
    b"chunked",
    b"\xff",
    b"HTTP/1.1",
    b"Content-Length: 3\r\n",
)


class Wild(NamedTuple):
    """Bytes to send; `whole`: its framing is right, so that the connection goes on after the answer."""

    sent: bytes
    whole: bool


class Maker:
    """Makes them, the same for the same seed."""

    def __init__(self, seed: int, token: str) -> None:
        """All bear the token, but for those that are spoiled there."""
        self._random, self._token = random.Random(seed), token  # noqa: S311 - no secret is made
        self._bodies: list[Callable[[], Wild]] = [self._value, self._value, self._text, self._text, self._binary]
        self._frames: list[Callable[[], Wild]] = [self._head, self._chunks, self._cut, self._conflict, self._noise]

    def body(self) -> Wild:
        """One whose body is at fault."""
        return self._random.choice(self._bodies)()

    def frame(self) -> Wild:
        """One whose framing may be at fault: it has a connection of its own."""
        return self._random.choice(self._frames)()

    def good(self) -> bytes:
        """One that is right."""
        return self._post(PREDICT, json.dumps({"rows": [ROW]}).encode())

    def _asked(self) -> tuple[str, Any]:
        if self._random.random() < 0.5:
            return PREDICT, {"rows": [deepcopy(ROW) for _ in range(self._random.randint(1, 3))]}
        return INFER, {"inputs": deepcopy(TENSORS)}

    def _post(self, path: str, body: bytes, *more: str) -> bytes:
        fields = ("host: a", f"authorization: Bearer {self._token}", f"content-length: {len(body)}", *more)
        return f"POST {path} HTTP/1.1\r\n{''.join(f'{one}' + chr(13) + chr(10) for one in fields)}\r\n".encode() + body

    def _value(self) -> Wild:
        """A value, or several, replaced, left out or added somewhere in the tree."""
        path, asked = self._asked()
        for _ in range(self._random.randint(1, 3)):
            at: Any = asked
            while True:
                keys = list(at) if isinstance(at, dict) else list(range(len(at)))
                if not keys:
                    break
                key = self._random.choice(keys)
                if isinstance(at[key], dict | list) and at[key] and self._random.random() < 0.8:
                    at = at[key]
                    continue
                self._spoil(at, key)
                break
        return Wild(self._post(path, json.dumps(asked).encode()), whole=True)

    def _spoil(self, at: Any, key: Any) -> None:
        chance = self._random.random()
        if chance < 0.7:
            at[key] = deepcopy(self._random.choice(ODD))
        elif chance < 0.85:
            del at[key]
        elif isinstance(at, dict):
            at[f"{key}x"] = at.pop(key)
        else:
            at.append(deepcopy(self._random.choice(ODD)))

    def _text(self) -> Wild:
        """Bytes of the JSON flipped, taken out, put in."""
        path, asked = self._asked()
        return Wild(self._post(path, self._garbled(json.dumps(asked).encode())), whole=True)

    def _garbled(self, text: bytes) -> bytes:
        for _ in range(self._random.randint(1, 4)):
            at, to = sorted(self._random.randrange(len(text) + 1) for _ in range(2))
            kind = self._random.randrange(4)
            if kind == 0:
                text = text[:at] + bytes([self._random.randrange(256)]) + text[at + 1 :]
            elif kind == 1:
                text = text[:at] + text[min(to, at + 20) :]
            elif kind == 2:
                text = text[:at] + self._random.choice(ODD_TEXTS) + text[at:]
            else:
                text = text[:at] + text[at : min(to, at + 50)] * 2 + text[at:]
        return text

    def _binary(self) -> Wild:
        """Binary tensors whose sizes or bytes are not right."""
        inputs = [dict(one) for one in TENSORS]
        raw = {
            "number": b"\0\0\0\x3f",
            "list": b"\0" * 12,
            "text": b"\1\0\0\0a",
            "boolean": b"\1",
            "integer": b"\3" + b"\0" * 7,
        }
        tail = b""
        for one in inputs:
            if one["name"] in raw and self._random.random() < 0.6:
                data = (
                    raw[one["name"]]
                    if self._random.random() < 0.5
                    else self._random.randbytes(self._random.randrange(20))
                )
                size: Any = len(data) if self._random.random() < 0.7 else deepcopy(self._random.choice(ODD))
                del one["data"]
                one["parameters"] = {"binary_data_size": size}
                tail += data
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        length: Any = (
            len(head)
            if self._random.random() < 0.7
            else self._random.choice((-1, 0, 1, 10**30, "x", "", len(head) + 1))
        )
        return Wild(self._post(INFER, head + tail, f"inference-header-content-length: {length}"), whole=True)

    def _head(self) -> Wild:
        """The head garbled."""
        head, _, body = self.good().partition(b"\r\n\r\n")
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randrange(len(head) + 1)
            head = (
                head[:at]
                + self._random.choice(TOKENS) * self._random.choice((1, 1, 1, 50))
                + head[at + self._random.randrange(3) :]
            )
        return Wild(head + b"\r\n\r\n" + body, whole=False)

    def _chunks(self) -> Wild:
        """Chunks whose sizes are not theirs."""
        body = json.dumps({"rows": [ROW]}).encode()
        size = self._random.choice(
            (b"%x" % len(body), b"%x" % (len(body) + 5), b"fffffffffffffffff", b"-1", b"zz", b"0", b" 5", b"5;a=b")
        )
        end = self._random.choice(
            (
                b"\r\n0\r\n\r\n",
                b"\r\n",
                b"0\r\n\r\n",
                b"\n0\n\n",
                b"\r\n0\r\nx: y\r\n\r\n",
                b"\r\n0\r\n" + b"t: " + b"y" * 40_000,
            )
        )
        kind = self._random.choice(
            (b"chunked", b"gzip, chunked", b"chunked, chunked", b"identity", b"xchunked", b"\x0bchunked")
        )
        head = b"POST /predict HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\ntransfer-encoding: %b\r\n\r\n"
        return Wild(head % (self._token.encode(), kind) + size + b"\r\n" + body + end, whole=False)

    def _cut(self) -> Wild:
        """Cut off somewhere."""
        good = self.good()
        return Wild(good[: self._random.randrange(1, len(good))], whole=False)

    def _conflict(self) -> Wild:
        """Two lengths, wrong lengths, hosts, expectations, offers, targets, versions."""
        field = self._random.choice(
            (
                *(
                    "content-length: 4",
                    "content-length: 99999999999999999999",
                    "content-length: -1",
                    "content-length: +5",
                ),
                *("transfer-encoding: chunked", "host: b", "expect: a-wonder", "upgrade: h2c", "connection: upgrade"),
                *("content-encoding: gzip", "x: " + "y" * 40_000, "authorization: Bearer no", " folded: yes", "a b: c"),
            )
        )
        target = self._random.choice(
            (
                PREDICT,
                "*",
                "http://a/predict",
                "/" + "p" * 9000,
                "/%",
                "/%zz",
                "//",
                "/predict?x=%00",
                "/v2/models/no/infer",
            )
        )
        method = self._random.choice(("POST", "GET", "OPTIONS", "DELETE", "CONNECT", "PRI", "post", "PATCH"))
        version = self._random.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "HTTP/1.1 x", ""))
        body = json.dumps({"rows": [ROW]}).encode()
        first = f"{method} {target} {version}\r\nhost: a\r\nauthorization: Bearer {self._token}\r\n"
        head = f"{first}content-length: {len(body)}\r\n{field}\r\n\r\n"
        return Wild(head.encode() + body, whole=False)

    def _noise(self) -> Wild:
        """Nothing but noise, or a good request with noise behind it."""
        noise = self._random.randbytes(self._random.randint(1, 200))
        return Wild(noise if self._random.random() < 0.5 else self.good() + noise, whole=False)
