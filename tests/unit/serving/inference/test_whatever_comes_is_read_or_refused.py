"""Broken bodies: each is refused with a sentence of bounded length, none fails in another way."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlagent.serving.faults import Refused
from mlagent.serving.protocol import Inference, read
from tests.unit.serving.inference.echo import ask, binary, packed, plain, served

TO = served("FP32", "INT64", "BYTES", "BOOL")
GOOD = json.dumps(
    {
        "inputs": [
            binary("FP32", [1, 2], 8),
            plain("INT64", [1, 2], [[1, 2]]),
            binary("BYTES", [1, 2], 11),
            plain("BOOL", [1, 2], [True, False]),
        ],
        "outputs": [{"name": "INT64", "parameters": {"binary_data": True}}],
        "parameters": {"timeout": 5},
    }
).encode()
TAIL = b"\0" * 8 + packed([b"ab", b"c"])
DEEP = 100_000


def tried(body: bytes, header: bytes | None) -> Inference | None:
    """Read it; nothing where it is refused, in few words."""
    try:
        return read(TO, body, header)
    except Refused as refused:
        assert refused.status == 400
        assert len(str(refused)) < 1500
        return None


def test_the_body_that_is_broken_below_is_a_good_one() -> None:
    assert tried(GOOD + TAIL, b"%d" % len(GOOD)) is not None


@given(st.integers(0, len(GOOD + TAIL) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_bytes_that_were_changed_dropped_or_put_in(at: int, put: bytes, drop: int) -> None:
    whole = GOOD + TAIL
    tried(whole[:at] + put + whole[at + drop :], b"%d" % len(GOOD))


@given(st.binary(max_size=60), st.none() | st.integers(-2, 70).map(lambda one: b"%d" % one))
def test_any_bytes(body: bytes, header: bytes | None) -> None:
    assert tried(body, header) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]), _JSON)
@example("shape", [10**400, 2])
@example("shape", list(range(100_000)))
@example("name", "x" * 100_000)
@example("datatype", "x" * 100_000)
@example("data", [[1.5] * 3] * 2)
@example("data", "[[1, 2]]")
def test_another_value_in_the_place_of_a_good_one(field: str, value: object) -> None:
    first = plain("FP32", [1, 2], [0.5, 1]) | {field: value}
    rest = [plain("INT64", [1, 2], [1, 2]), plain("BYTES", [1, 2], ["", ""]), plain("BOOL", [1, 2], [True, True])]
    tried(json.dumps({"inputs": [first, *rest]}).encode(), None)


@pytest.mark.parametrize(
    "deep",
    [
        b'{"inputs": [], "parameters": {"a": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
        b'{"inputs": [], "parameters": {"sequence_id": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}}",
        b'{"inputs": [{"name": "FP32", "shape": [1, 2], "datatype": "FP32", "data": ' + b"[" * DEEP,
        b'{"inputs": [{"name": "FP32", "shape": [1, 2], "datatype": "FP32", "data": '
        + b"[" * DEEP
        + b"]" * DEEP
        + b"}]}",
        b"[" * DEEP,
        b'{"' + b"x" * DEEP + b'": 1}',
    ],
    ids=range(6),
)
def test_what_is_nested_deep_or_named_long(deep: bytes) -> None:
    assert tried(deep, None) is None


@pytest.mark.parametrize("name", ["FP16", "FP32", "FP64", "INT8", "INT64", "UINT8", "UINT64"])
@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e39", "9" * 5000, "-" + "9" * 30, str(2**64), str(2**63)], ids=range(7)
)
def test_numbers_that_are_too_large(name: str, number: str) -> None:
    fits = {("FP64", "1e39"), *(("UINT64", str(2**63)), ("FP64", str(2**64)), ("FP64", str(2**63)))}
    fits |= {("FP64", "-" + "9" * 30), ("FP32", "-" + "9" * 30), ("FP32", str(2**64)), ("FP32", str(2**63))}
    body = b'{"inputs":[{"name":"%s","shape":[1,2],"datatype":"%s","data":[0,%s]}]}' % (
        *(name.encode(), name.encode()),
        number.encode(),
    )
    if (name, number) in fits:
        assert read(served(name), body).arrays[name].shape == (1, 2)
        return
    with pytest.raises(Refused, match=f"input '{name}': (a value is too large|its data must be {name} values, row by)"):
        read(served(name), body)


def test_the_largest_of_a_type_are_taken() -> None:
    for name, most in (("FP32", 3.4028234663852886e38), ("FP16", 65504.0), ("INT8", 127), ("UINT64", 2**64 - 1)):
        found = ask(served(name), [plain(name, [1, 2], [most, 0])])
        assert found.arrays[name][0, 0] == most


@pytest.mark.parametrize("data", ["[1.0, -128]", "[1, -1.28e2]", "[[1.0, -128.0]]"])
def test_a_whole_number_may_have_a_point(data: str) -> None:
    body = b'{"inputs":[{"name":"INT8","shape":[1,2],"datatype":"INT8","data":%s}]}' % data.encode()
    assert read(served("INT8"), body).arrays["INT8"].tolist() == [[1, -128]]


@pytest.mark.parametrize("data", ["[1.0, 128.0]", "[1.0, 1e300]", "[1.0, 2.5]", "[[1.0], [2, 3]]", "[1.0, true]"])
def test_a_number_that_is_not_whole_is_none(data: str) -> None:
    body = b'{"inputs":[{"name":"INT8","shape":[1,2],"datatype":"INT8","data":%s}]}' % data.encode()
    with pytest.raises(Refused, match="input 'INT8': its data must be INT8 values, row by row: "):
        read(served("INT8"), body)
