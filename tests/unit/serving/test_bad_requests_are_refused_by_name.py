"""Every refusal says which input, what was expected, and nothing of the server's inside."""

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.serving.conftest import Caller

X, N, WORD = 0, 1, 2
BAD_INPUTS: list[tuple[int, dict[str, object], str]] = [
    (X, {"name": "y"}, ("there is no input 'y'; the model takes 'x' (FP32, shape [-1, 2]), 'n' (INT8, shape [-1]), "
        "'word' (BYTES, shape [-1, 1])")),
    (N, {"name": "x"}, "input 'x' is given twice"),
    (X, {"datatype": "FP64"}, "input 'x' is sent as FP64; the model takes FP32"),
    (X, {"shape": [2, 3]}, "input 'x' has shape [2, 3]; the model takes [-1, 2]"),
    (X, {"shape": [4]}, "input 'x' has shape [4]; the model takes [-1, 2]"),
    (X, {"shape": [0, 2], "data": []}, "input 'x' has shape [0, 2]; the model takes [-1, 2]"),
    (X, {"shape": [-2, 2]}, "input 'x' has shape [-2, 2]; the model takes [-1, 2]"),
    (N, {"shape": [3], "data": [1, 2, 3]}, "input 'n' has 3 as its 'rows', but input 'x' has 2"),
    (X, {"data": [1, 2, 3]}, "input 'x': its data holds 3 values; the shape [2, 2] means 4"),
    (X, {"data": [[1, 2], [3]]}, "input 'x': its data must be FP32 values, row by row: "),
    (X, {"data": [[1, 2, 3, 4]]}, "input 'x': its nested data is not of the shape [2, 2] it names"),
    (X, {"data": [[[1, 2, 3, 4]]]}, "input 'x': its data must be a flat list, or nested 2 deep"),
    (X, {"data": 5}, "input 'x': its data must be a flat list, or nested 2 deep"),
    (X, {"data": [1, 2, None, 4]}, ("input 'x': its data must be FP32 values, row by row: "
        "Expected `float`, got `null` - at `$[2]`")),
    (X, {"data": [1, 2, "3", 4]}, ("input 'x': its data must be FP32 values, row by row: "
        "Expected `float`, got `str` - at `$[2]`")),
    (X, {"data": [1, 2, 3, 1e39]}, "input 'x': a value is too large for FP32"),
    (N, {"data": [1, 2.5]}, ("input 'n': its data must be INT8 values, row by row: "
        "Expected `int`, got `float` - at `$[1]`")),
    (N, {"data": [1, True]}, ("input 'n': its data must be INT8 values, row by row: "
        "Expected `int`, got `bool` - at `$[1]`")),
    (N, {"data": [1, 128]}, "input 'n': its data must be INT8 values, row by row: "),
    (WORD, {"data": [3]}, ("input 'word': its data must be BYTES values, row by row: "
        "Expected `str`, got `int` - at `$[0]`")),
    (WORD, {"shape": [2, 1], "data": [["a"], ["b", "c"]]},
        "input 'word': its nested data is not of the shape [2, 1] it names"),
]  # fmt: skip


@pytest.mark.parametrize(("which", "change", "said"), BAD_INPUTS, ids=[said for _, _, said in BAD_INPUTS])
def test_a_bad_input_is_named_with_what_was_expected(
    caller: "Caller", good: dict[str, Any], which: int, change: dict[str, object], said: str
) -> None:
    bad = copy.deepcopy(good)
    bad["inputs"][which] |= change
    told = caller.post(bad)
    assert told.status == 400
    assert told.json["error"].startswith(said)
    assert caller.post(good).status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is no inference request: "),
        (b"{", "the body is no inference request: "),
        (b"[]", "the body is no inference request: Expected `object`, got `array`; expected {"),
        (b'{"input": []}', "the body is no inference request: Object contains unknown field `input`; expected {"),
        (b'{"inputs": [{"name": "x"}]}', "the body is no inference request: Object missing required field `shape`"),
        (b'{"inputs": [], "outputs": [{"name": "sum"}]}', "input 'x' (FP32, shape [-1, 2]) is missing"),
        (b"\xff", "the body is no inference request: "),
    ],
)
def test_a_body_of_another_form_is_shown_the_right_one(caller: "Caller", body: bytes, said: str) -> None:
    told = caller.call("POST", "/v2/models/adder/infer", [body])
    assert told.status == 400
    assert told.json["error"].startswith(said)


def test_an_unknown_output_is_named_with_the_known_ones(caller: "Caller", good: dict[str, Any]) -> None:
    told = caller.post(good | {"outputs": [{"name": "total"}]})
    assert told.status == 400
    assert told.json["error"].startswith("there is no output 'total'; the model gives 'sum' (FP32")


def test_another_model_is_not_found(caller: "Caller") -> None:
    told = caller.call("POST", "/v2/models/other/infer", [b"{}"])
    assert (told.status, told.json) == (404, {"error": "there is no model 'other' here; this server has 'adder'"})


def test_an_unknown_path_is_told_the_known_ones(caller: "Caller") -> None:
    told = caller.get("/v2/models/adder/predict")
    assert told.status == 404
    assert "/v2/models/adder/infer" in told.json["error"]


def test_a_wrong_method_is_told_the_right_one(caller: "Caller") -> None:
    told = caller.get("/v2/models/adder/infer")
    assert (told.status, told.json) == (405, {"error": "/v2/models/adder/infer takes POST, not GET"})
    assert told.headers[b"allow"] == b"POST"


def test_a_body_that_announces_too_much_is_refused_unread(caller: "Caller") -> None:
    told = caller.call("POST", "/v2/models/adder/infer", [b"x"], content_length="1001")
    assert (told.status, told.json["error"][:44]) == (413, "the body is over the limit of 1000 bytes: se")
    assert told.headers[b"connection"] == b"close"


CHUNKS = [b"258\r\n%b\r\n" % (b" " * 600)] * 5


def test_a_body_that_grows_too_long_is_refused_when_it_does(caller: "Caller") -> None:
    wire = caller.drive("POST", "/v2/models/adder/infer", CHUNKS, transfer_encoding="chunked")
    assert wire.written.startswith(b"HTTP/1.1 413 ")
    assert wire.written.count(b"HTTP/1.1") == 1
    assert wire.ended


def test_a_body_that_is_not_whole_when_the_server_ends_is_told_so(
    caller: "Caller", caplog: pytest.LogCaptureFixture
) -> None:
    connection, wire = caller.connect()
    connection.data_received(b"POST /v2/models/adder/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
    connection.cut()
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body) == {"error": "the body had not come whole when the server had to end"}
    assert caplog.text == ""


def test_a_failing_model_is_500_and_tells_nothing_of_its_inside(
    caller: "Caller", good: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good["inputs"][WORD]["data"] = ["fail"]
    told = caller.post(good)
    assert (told.status, told.json) == (500, {"error": "the server failed on this request; its log says why"})
    assert "a secret of the server's" in caplog.text


def test_an_answer_that_json_cannot_carry_is_no_answer(caller: "Caller", good: dict[str, Any]) -> None:
    good["inputs"][WORD]["data"] = ["nan"]
    told = caller.post(good)
    assert told.status == 500
    assert told.json["error"] == "the model answered with NaN or infinity in 'sum', which JSON cannot carry"
