"""By datatype and shape, the same for the same seed; what cannot be made up is named."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlagent.errors import InputError
from mlagent.loadtest.stranger import Port
from mlagent.loadtest.tensors import MOST_VALUES, requests

KINDS = ["BOOL", "INT8", "INT64", "UINT8", "FP16", "FP32", "FP64", "BYTES"]
TYPES = {
    "BOOL": bool,
    "INT8": int,
    "INT64": int,
    "UINT8": int,
    "FP16": float,
    "FP32": float,
    "FP64": float,
    "BYTES": str,
}


@given(some.sampled_from(KINDS), some.lists(some.integers(-1, 4), max_size=3), some.integers(0, 9))
def test_a_tensor_has_the_datatype_and_as_many_values_as_its_shape(kind: str, shape: list[int], seed: int) -> None:
    (body,) = requests([Port("x", kind, tuple(shape))], 1, seed)
    (found,) = body["inputs"]
    assert (found["name"], found["datatype"]) == ("x", kind)
    assert found["shape"] == [1 if one < 0 else one for one in shape]
    assert len(found["data"]) == math.prod(found["shape"])
    assert {type(one) for one in found["data"]} <= {TYPES[kind]}
    assert msgspec.json.decode(msgspec.json.encode(body)) == body


def test_the_same_seed_gives_the_same_and_rows_differ() -> None:
    ports = [Port("a", "FP32", (-1, 3)), Port("b", "BYTES", (-1, 1))]
    assert requests(ports, 5, 1) == requests(ports, 5, 1) != requests(ports, 5, 2)
    assert len({msgspec.json.encode(one) for one in requests(ports, 5, 1)}) == 5


def test_large_ones_are_fewer_so_that_they_fit_into_memory() -> None:
    assert len(requests([Port("x", "BOOL", (MOST_VALUES // 2,))], 256, 1)) == 2


@pytest.mark.parametrize(
    ("ports", "says"),
    [
        ([], "does not say what it takes"),
        ([Port("x", "FP8", (1,))], "input 'x' is of FP8, which is none of BOOL, INT8"),
        ([Port("x", "FP32", (MOST_VALUES, 2))], "one request would hold 8000000 values"),
    ],
)
def test_what_cannot_be_made_up_is_said_with_what_to_give(ports: list[Port], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        requests(ports, 1, 1)
    assert "--body FILE" in caught.value.hint
