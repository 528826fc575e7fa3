"""JSON or binary, all outputs or some: by request and by output."""

import json
import math
from typing import Any

import numpy as np
import pytest

from mlagent.serving.faults import Refused
from tests.unit.serving.inference.echo import answered, ask, binary, plain, served

TWO = ("INT8", "FP64")
INPUTS = [plain("INT8", [1, 2], [1, -2]), plain("FP64", [1, 2], [0.1, 1e300])]
JSON = {"INT8": plain("INT8", [1, 2], [1, -2]), "FP64": plain("FP64", [1, 2], [0.1, 1e300])}
BINARY = {"INT8": binary("INT8", [1, 2], 2), "FP64": binary("FP64", [1, 2], 16)}
BYTES = {"INT8": b"\1\xfe", "FP64": np.array([0.1, 1e300]).tobytes()}
ALL: dict[str, Any] = {"parameters": {"binary_data_output": True}}


def wanted(name: str, **parameters: object) -> dict[str, object]:
    return {"name": name, "parameters": parameters}


@pytest.mark.parametrize(
    ("more", "told", "tail"),
    [
        ({}, [JSON["INT8"], JSON["FP64"]], b""),
        ({"outputs": []}, [JSON["INT8"], JSON["FP64"]], b""),
        ({"outputs": [{"name": "FP64"}]}, [JSON["FP64"]], b""),
        ({"outputs": [wanted("FP64", binary_data=False)]}, [JSON["FP64"]], b""),
        (ALL, [BINARY["INT8"], BINARY["FP64"]], BYTES["INT8"] + BYTES["FP64"]),
        (
            {"outputs": [wanted("FP64", binary_data=True), wanted("INT8")]},
            [BINARY["FP64"], JSON["INT8"]],
            BYTES["FP64"],
        ),
        (ALL | {"outputs": [wanted("INT8", else_=1)]}, [BINARY["INT8"]], BYTES["INT8"]),
        (
            ALL | {"outputs": [wanted("INT8", binary_data=False), wanted("FP64")]},
            [JSON["INT8"], BINARY["FP64"]],
            BYTES["FP64"],
        ),
    ],
)
def test_each_output_is_json_unless_binary_was_asked_for(more: dict[str, Any], told: object, tail: bytes) -> None:
    to = served(*TWO)
    found, rest = answered(to, ask(to, INPUTS, **more))
    assert found == {"model_name": "echo", "model_version": "7", "outputs": told}
    assert rest == tail


def test_the_id_comes_back_as_it_was_sent() -> None:
    to = served("INT8")
    for one in ('a"\\é\n', ""):
        assert answered(to, ask(to, INPUTS[:1], id=one))[0]["id"] == one
    assert "id" not in answered(to, ask(to, INPUTS[:1], id=None))[0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_carry_is_carried_in_binary(value: float) -> None:
    sent = np.array([[1, value]]).tobytes()
    to = served("FP64")
    with pytest.raises(
        Refused, match="the model answered with NaN or infinity in 'FP64', which JSON cannot"
    ) as refused:
        answered(to, ask(to, [binary("FP64", [1, 2], 16)], sent))
    assert refused.value.status == 500
    assert answered(to, ask(to, [binary("FP64", [1, 2], 16)], sent, **ALL))[1] == sent


def test_the_text_null_is_a_text() -> None:
    to = served("BYTES")
    told, _ = answered(to, ask(to, [plain("BYTES", [1, 2], ["null", "NaN"])]))
    assert told["outputs"][0]["data"] == ["null", "NaN"]


def test_a_half_keeps_its_bits_in_json() -> None:
    to = served("FP16")
    told, _ = answered(to, ask(to, [plain("FP16", [1, 2], [65519.9, 0.1])]))
    assert np.array(told["outputs"][0]["data"], np.float16).tolist() == [65504.0, np.float16(0.1)]


def test_outputs_are_those_of_the_model_in_whatever_order() -> None:
    to = served(*TWO)
    asked = ask(to, INPUTS, outputs=[{"name": "FP64"}])
    body, _, _ = asked.respond([np.zeros((1, 2), np.int8), np.ones((1, 2))])
    assert json.loads(body)["outputs"] == [plain("FP64", [1, 2], [1.0, 1.0])]


def test_an_output_is_asked_for_once() -> None:
    with pytest.raises(Refused, match="output 'INT8' is asked for twice"):
        ask(served("INT8"), INPUTS[:1], outputs=[{"name": "INT8"}, {"name": "INT8"}])
