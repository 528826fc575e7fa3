"""The binary tensor extension: what is sent arrives bit for bit, and what does not add up is refused by name."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array
from mlagent.serving.protocol import read
from tests.unit.serving.inference.echo import TYPES, answered, ask, binary, bytes_of, packed, plain, served

NUMBERS = [name for name in TYPES if name != "BYTES"]
_TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=9), min_size=2, max_size=2)


def arrays(name: str) -> st.SearchStrategy[Array]:
    if name == "BYTES":
        return st.lists(_TEXTS, min_size=1, max_size=4).map(lambda rows: np.array(rows, np.object_))
    return npst.arrays(TYPES[name].dtype, st.tuples(st.integers(1, 4), st.just(2)))


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_every_type_comes_and_goes_bit_for_bit(name: str, data: st.DataObject) -> None:
    sent = data.draw(arrays(name))
    spelled = bytes_of(sent)
    to = served(name)
    asked = ask(to, [binary(name, sent.shape, len(spelled))], spelled, parameters={"binary_data_output": True})
    found = asked.arrays[name]
    assert (found.shape, found.dtype) == (sent.shape, sent.dtype)
    assert bytes_of(found) == spelled
    told, tail = answered(to, asked)
    assert told["outputs"] == [binary(name, sent.shape, len(spelled))]
    assert tail == spelled


def test_json_and_binary_inputs_may_be_mixed() -> None:
    to = served("FP32", "BYTES", "INT8")
    first, last = np.array([[1.5, -2]], np.float32).tobytes(), np.array([[3, -4]], np.int8).tobytes()
    inputs = [binary("FP32", [1, 2], 8), plain("BYTES", [1, 2], ["a", "é"]), binary("INT8", [1, 2], 2)]
    found = ask(to, inputs, first + last)
    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        "FP32": [[1.5, -2.0]],
        "BYTES": [["a", "é"]],
        "INT8": [[3, -4]],
    }
    assert found.rows == 1


def test_nothing_is_copied_where_the_bytes_are_aligned() -> None:
    sent = np.arange(2000, dtype=np.float32)
    for length in range(4):
        text = b'{"inputs":[{"name":"FP32","shape":[1000,2],"datatype":"FP32","parameters":{"binary_data_size":8000}}]}'
        body = text + b" " * (-len(text) % 4 + length) + sent.tobytes()
        found = read(served("FP32"), body, b"%d" % (len(body) - 8000)).arrays["FP32"]
        assert found.ravel().tolist() == sent.tolist()
        assert found.flags.aligned
        assert np.shares_memory(found, np.frombuffer(body, np.uint8)) == (length == 0)


def test_a_header_alone_means_that_all_is_json() -> None:
    text = b'{"inputs":[{"name":"INT8","shape":[1,2],"datatype":"INT8","data":[1,2]}]}'
    assert read(served("INT8"), text, b" %d " % len(text)).arrays["INT8"].tolist() == [[1, 2]]


NOT_ADDING_UP = [
    ("FP32", 8, b"\0" * 7, "input 'FP32' has 8 bytes of binary data; the body has 7 left"),
    ("FP32", 8, b"\0" * 9, "the body has 1 bytes more than its JSON and the binary data that this names"),
    ("FP32", 4, b"\0" * 4, "input 'FP32': its binary data has 4 bytes; FP32 of the shape [1, 2] means 8"),
    ("BOOL", 2, b"\1\2", "input 'BOOL': a byte of BOOL is 0 or 1"),
    ("BYTES", 7, b"\0" * 7, "input 'BYTES': 7 bytes of binary data are too few for 2 BYTES"),
    ("BYTES", 9, b"\2\0\0\0abc\0\0", "input 'BYTES': its binary data ends within BYTES 1 of 2"),
    ("BYTES", 9, b"\1\0\0\0a\xff\xff\xff\xff", "input 'BYTES': its binary data ends within BYTES 1 of 2"),
    ("BYTES", 9, packed([b"", b""]) + b"x", "input 'BYTES': its binary data has 1 bytes more than 2 BYTES"),
    ("BYTES", 9, packed([b"", b"\xff"]), "input 'BYTES': BYTES 1 is no UTF-8, and ONNX takes texts: "),
]


@pytest.mark.parametrize(("name", "size", "tail", "said"), NOT_ADDING_UP, ids=[said for *_, said in NOT_ADDING_UP])
def test_bytes_that_do_not_add_up_are_refused(name: str, size: int, tail: bytes, said: str) -> None:
    with pytest.raises(Refused) as refused:
        ask(served(name), [binary(name, [1, 2], size)], tail)
    assert refused.value.status == 400
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    "length", [b"", b"x", b"-1", b"+2", b"1.0", b"0x2", b"3", b"9" * 5000, "²".encode(), b"1, 1"], ids=range(10)
)
def test_a_header_that_does_not_say_where_the_json_ends_is_refused(length: bytes) -> None:
    with pytest.raises(Refused, match=r"^Inference-Header-Content-Length is '.*'; it says how many of the body's 2 by"):
        read(served("FP32"), b"{}", length)


@pytest.mark.parametrize(
    "shape", [[0, 2], [2**31, 2], [2**62, 2], [2**64, 2], [10**30, 2], [-1, 2], [1, 2, 2**60], [2**32, 2**32]]
)
@pytest.mark.parametrize("name", ["FP64", "BYTES"])
def test_a_shape_that_is_huge_or_empty_takes_no_memory(name: str, shape: list[int]) -> None:
    to = served(name)
    tracemalloc.start()
    try:
        for inputs, tail in (([binary(name, shape, 16)], b"\0" * 16), ([plain(name, shape, [])], b"")):
            with pytest.raises(Refused) as refused:
                ask(to, inputs, tail)
            assert refused.value.status == 400
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


def test_data_are_sent_one_way() -> None:
    both = binary("INT8", [1, 2], 2) | {"data": [1, 2]}
    with pytest.raises(Refused, match="input 'INT8' has both data and binary_data_size: give one of them"):
        ask(served("INT8"), [both], b"\1\2")
    with pytest.raises(Refused, match="input 'INT8' has no data: give "):
        ask(served("INT8"), [{"name": "INT8", "shape": [1, 2], "datatype": "INT8"}])
    with pytest.raises(Refused, match="the header Inference-Header-Content-Length, which says where the JSON ends, is"):
        ask(served("INT8"), [binary("INT8", [1, 2], 2)])


@pytest.mark.parametrize("size", [-1, "2", 2.5, None, True, 2**63, 10**400])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    inputs = binary("INT8", [1, 2], 2) | {"parameters": {"binary_data_size": size}}
    with pytest.raises(Refused, match="the body is no inference request: "):
        ask(served("INT8"), [inputs], b"\1\2")
