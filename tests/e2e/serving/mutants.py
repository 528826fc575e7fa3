"""What a seed makes of good requests: bodies that are wrong in heads that are right, and wrong heads."""

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.e2e.serving import good

BIG = 10**400  # of digits that no float has
JUNK: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, BIG, -BIG, 2**63, 2**64, 1e308, "", "x", "\0", "\ud800", "NaN", "9" * 5000, [], {}, [[]]),
    *([None], [-1], [2**63, 2**63], [1.5], ["x"] * 100, {"name": "x"}, {"": {}}, [[1], [2]], "FP64", "BYTES", "FP16"),
)
BYTES = (b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x80", b"\xff", b"%", b"{", b"\x7f", b",", b"\r\n\r\n")
FIELDS = (
    *(
        b"content-length: 5",
        b"content-length: -1",
        b"content-length: +2",
        b"content-length: 1e3",
        b"content-length: 0x2",
    ),
    *(
        b"content-length: 99999999999999999999999",
        b"content-length: 2, 2",
        b"content-length:",
        b"content-length: 9" * 2,
    ),
    *(b"transfer-encoding: chunked", b"transfer-encoding: gzip", b"transfer-encoding: chunked, chunked", b"host: b"),
    *(b"transfer-encoding : chunked", b"transfer-encoding: xchunked", b"transfer-encoding:\x0bchunked", b"Host:", b":"),
    *(b"expect: 100-continue", b"expect: 200-ok", b"upgrade: h2c\r\nconnection: upgrade, http2-settings", b"nothing"),
    *(
        b"upgrade: websocket\r\nconnection: upgrade",
        b"connection: close",
        b"connection: ,,;",
        b" folded: yes",
        b"a b: c",
    ),
    *(b"content-encoding: gzip", b"inference-header-content-length: 3", b"inference-header-content-length: -3"),
    *(
        b"inference-header-content-length: 9" * 9,
        b"x: \0",
        b"\xe4: \xf6",
        b"x" * 33_000 + b": y",
        b"x: " + b"y" * 33_000,
    ),
    *(
        b"\r\n".join(b"x%d: 1" % at for at in range(101)),
        b"x-request-id: " + b"z" * 200,
        b"traceparent: 00-x",
        b"x:\ty",
    ),
)
TARGETS = (
    *(
        b"*",
        b"/",
        b"//",
        b"/%",
        b"/%zz",
        b"/%00",
        b"/%c0%ae",
        b"/\xff",
        b"http://",
        b"http://a",
        b"http://[/x",
        b"a:443",
    ),
    *(
        b"http://a/predict",
        b"/predict#x",
        b"/predict?" + b"q" * 8200,
        b"/" + b"x" * 9000,
        b"/../predict",
        b"/predict/",
        b"",
    ),
    *(b"/v2/models/other/infer", b"/v2/models/kinds/versions/9/infer", b"/v2/models/kinds", b"/v2/health/live%0d%0a"),
)
CHUNKS = (
    *(b"zz\r\n", b"-1\r\n{}\r\n", b"ffffffffffffffffff\r\n", b"7fffffffffffffff\r\n{}", b"2;x=y\r\n{}\r\n0\r\n\r\n"),
    *(
        b"2\r\n{}0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"0\r\nhost: b\r\n\r\n",
        b"0\r\ncontent-length: 5\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
    ),
    *(
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"\r\n2\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"x" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{\r\n" * 500,
    ),
)
STARTS = (
    *(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /\r\n", b"\r\n" * 50),
    *(
        b"get / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.2\r\nhost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ),
    *(
        b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / http/1.1\r\nhost: a\r\n\r\n",
    ),
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" * 3000,
    b"GET / HTTP/1.0\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
)


def body(chance: Random) -> bytes:
    """A request whose frame is right; its target, its kind or its body seldom is."""
    path, text, data, fields = _spoilt(chance)
    if chance.random() < 0.3:
        text = _scratched(text, chance)
    if chance.random() < 0.05:
        path = chance.choice([one for one in TARGETS if one.startswith(b"/") and one.isascii() and len(one) < 100])
    return good.post(path, text + data, *fields)


def frame(chance: Random) -> bytes:
    """A request whose head, or whose order of bytes, is wrong."""
    whole = chance.choice(good.wholes())
    return chance.choice((_fielded, _retargeted, _chunked, _restarted, _twice, _scratched, _scratched, _cut))(
        whole, chance
    )


def _spoilt(chance: Random) -> tuple[bytes, bytes, bytes, list[bytes]]:
    kind = chance.randrange(4)
    if kind == 0:
        return good.PREDICT, _written(_changed(good.rows(), chance), chance), b"", []
    if kind == 1:
        return good.INFER, _written(_changed(good.tensors(), chance), chance), b"", []
    if kind == 2:
        return (chance.choice((good.INFER, good.PREDICT)), _deep(chance), b"", [])
    described, data = good.binary()
    text = _written(_changed(described, chance) if chance.random() < 0.5 else described, chance)
    data = _scratched(data, chance) if chance.random() < 0.5 else data[: chance.randrange(len(data) + 1)]
    length = len(text) + (chance.choice((-1, 1, 7, 10**6, -len(text))) if chance.random() < 0.2 else 0)
    return good.INFER, text, data, [b"inference-header-content-length: %d" % length]


def _changed(value: Any, chance: Random) -> Any:
    """One place of it, or two, hold junk, something of elsewhere, or nothing."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2))):
        at = value
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(at[key], (dict, list)) and chance.random() < 0.7:
                at = at[key]
                continue
            if chance.random() < 0.2:
                del at[key]
            else:
                at[key] = copy.deepcopy(chance.choice(JUNK))
            break
    return value


def _written(value: Any, chance: Random) -> bytes:
    text = json.dumps(value).encode()
    if chance.random() < 0.1:
        text = text.replace(b"1", chance.choice((b"1e999", b"01", b"NaN", b"-Infinity", b"1" * 3000, b"1.", b"'1'")), 1)
    return text


def _deep(chance: Random) -> bytes:
    depth = chance.choice((5, 100, 1000, 1025, 20_000))
    opened, closed = chance.choice(((b"[", b"]"), (b'{"rows":', b"}"), (b'{"inputs":[', b"]}"), (b'{"rows":[', b"]}")))
    return opened * depth + (closed * depth if chance.random() < 0.5 else b"")


def _scratched(whole: bytes, chance: Random) -> bytes:
    """Some bytes are changed, put in or left out."""
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(whole) + 1)
        more = chance.choice(BYTES) if chance.random() < 0.7 else chance.randbytes(chance.choice((1, 4)))
        whole = whole[:at] + (b"" if chance.random() < 0.3 else more) + whole[at + chance.choice((0, 1, 1, 8)) :]
    return whole


def _fielded(whole: bytes, chance: Random) -> bytes:
    first, _, rest = whole.partition(b"\r\n")
    return b"\r\n".join([first, *chance.sample(FIELDS, chance.choice((1, 1, 2))), rest])


def _retargeted(whole: bytes, chance: Random) -> bytes:
    method, _, rest = whole.split(b" ", 2)
    method = chance.choice((method, b"HEAD", b"OPTIONS", b"TRACE", b"DELETE", b"M-SEARCH", b"BREW", b"G\0T"))
    return b" ".join([method, chance.choice(TARGETS), rest])


def _chunked(_: bytes, chance: Random) -> bytes:
    return good.wholes()[-1].partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + chance.choice(CHUNKS)


def _restarted(whole: bytes, chance: Random) -> bytes:
    return chance.choice(STARTS if chance.random() < 0.02 else STARTS[:-2]) + (whole if chance.random() < 0.5 else b"")


def _twice(whole: bytes, chance: Random) -> bytes:
    """Good ones before and after a bad one, all at once."""
    made: Callable[[bytes, Random], bytes] = chance.choice((_fielded, _scratched, _cut))
    return whole + made(whole, chance) + whole


def _cut(whole: bytes, chance: Random) -> bytes:
    return whole[: chance.randrange(1, len(whole))]
