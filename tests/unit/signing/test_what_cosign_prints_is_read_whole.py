"""The lines of what cosign prints are those of whoever wrote to the registry; what it checked is each whole value."""

import base64
import json

import pytest

from mlagent.adapters.signing import printed
from mlagent.errors import InputError
from mlagent.trust import statement

GOOD = {"payloadType": statement.PAYLOAD, "payload": "Z29vZA==", "signatures": [{"keyid": "", "sig": "MEUC"}]}
EVIL = json.dumps({**GOOD, "payload": base64.b64encode(b"evil").decode()})


def opened(output: bytes) -> list[bytes]:
    found = []
    for one in printed.values(output):
        try:
            found.append(statement.opened(one))
        except InputError:
            found.append(b"")
    return found


def test_each_value_is_one_however_it_is_laid_out() -> None:
    output = f"{json.dumps(GOOD)}\n\n{json.dumps(GOOD, indent=2)}\r\n{EVIL}\n".encode()
    assert opened(output) == [b"good", b"good", b"evil"]
    assert list(printed.values(b" \n")) == []


def test_a_line_within_a_signed_envelope_is_no_envelope() -> None:
    wrapped = json.dumps({**GOOD, "x": 0}).replace('"x": 0', f'"x":\n{EVIL}\n').encode()
    assert EVIL.encode() in wrapped.splitlines()
    assert opened(wrapped + b"\n" + json.dumps(GOOD).encode()) == [b"", b"good"]


@pytest.mark.parametrize("key", ["Payload", "PAYLOAD", "\u017fignatures", "payloadtype"])
def test_a_key_that_another_reader_takes_for_the_payload_is_refused(key: str) -> None:
    assert opened(EVIL.replace("{", f'{{"{key}": "Z29vZA==", ', 1).encode()) == [b""]


@pytest.mark.parametrize("broken", [b'{"a": ', b"what is this?", b"\xff", b"[" * 100_000])
def test_nothing_after_what_cannot_be_read_counts(broken: bytes) -> None:
    assert opened(json.dumps(GOOD).encode() + b"\n" + broken + b"\n" + EVIL.encode()) == [b"good", b""]
