"""An answer is right within the tolerance, in every value; what is wrong is said with its place."""

from typing import Any

import msgspec
import pytest

from mlagent.loadtest.answers import Examiner
from mlagent.loadtest.golden import Golden

GOLDEN = [
    Golden(row={"a": 1}, expected={"probabilities": [0.25, 0.75]}),
    Golden(row={"a": 2}, expected={"prediction": 1000.0}),
    Golden(row={"a": 3}, expected={"prediction": None}),
    Golden(request={"inputs": []}, answer={"outputs": [{"name": "y", "shape": [1, 2], "data": [0.5, "cat"]}]}),
    Golden(request={"inputs": []}, answer=[True, {}]),
    Golden(request={"inputs": []}),
]


def said(row: int, answer: object) -> str:
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    found = Examiner(GOLDEN, 1e-3)(row, body)
    assert found is None or found.row == row
    return found.says if found else ""


def rows(*answers: Any) -> dict[str, Any]:
    return {"model_name": "toy", "rows": list(answers)}


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        (0, {"probabilities": [0.25, 0.75]}),
        (0, {"probabilities": [0.251, 0.749], "more": "is not looked at"}),
        (1, {"prediction": 1001}),
        (1, {"prediction": 999.0}),
        (2, {"prediction": None}),
    ],
)
def test_what_is_near_enough_is_right(row: int, answer: dict[str, Any]) -> None:
    assert said(row, rows(answer)) == ""


@pytest.mark.parametrize(
    ("row", "answer", "why"),
    [
        (0, rows({"probabilities": [0.25, 0.7]}), "probabilities[1] is expected to be 0.75, and 0.7 came back"),
        (0, rows({"probabilities": [0.75, 0.25]}), "probabilities[0] is expected to be 0.25, and 0.75 came back"),
        (0, rows({"probabilities": [0.25]}), "probabilities is expected to be a list of 2 values, and 1 values came"),
        (0, rows({"probabilities": 0.25}), "a list of 2 values, and no list came back"),
        (0, rows({"probability": [0.25, 0.75]}), "probabilities is not in the answer"),
        (1, rows({"prediction": 1001.1}), "prediction is expected to be 1000, and 1001.1 came back"),
        (1, rows({"prediction": True}), "and True came back"),
        (1, rows({"prediction": "1000"}), "and 1000 came back"),
        (1, rows({"prediction": None}), "and None came back"),
        (1, b'{"rows":[{"prediction":1' + b"0" * 400 + b"}]}", "prediction is expected to be 1000, and 1000"),
        (2, rows({"prediction": 0.0}), "prediction is expected to be null, and 0 came back"),
        (1, rows(), "one row was asked for, and 0 came back"),
        (1, rows({"prediction": 1000.0}, {"prediction": 1000.0}), "one row was asked for, and 2 came back"),
        (1, {"outputs": []}, "not of its form: Object missing required field rows"),
        (1, b"<html>", "not of its form: JSON is malformed"),
        (1, b'{"rows":[{"prediction":"\xff"}]}', "not of its form: 'utf-8' codec can't decode"),
        (1, b"", "not of its form: Input data was truncated"),
    ],
)
def test_what_is_not_is_told_with_its_place(row: int, answer: object, why: str) -> None:
    assert why in said(row, answer)


def test_a_document_holds_what_is_expected_whatever_else_it_says() -> None:
    output = {"name": "y", "shape": [1, 2], "data": [0.5004, "cat"], "datatype": "FP32"}
    assert said(3, {"id": "7", "outputs": [output]}) == ""
    assert said(3, {"outputs": [{**output, "data": [0.5, "dog"]}]}).startswith("outputs[0].data[1] is expected to be ")
    assert (
        said(3, {"outputs": [{**output, "shape": [2, 1]}]})
        == "outputs[0].shape[0] is expected to be 1, and 2 came back"
    )
    assert (
        said(3, {"outputs": [output, output]}) == "outputs is expected to be a list of 1 values, and 2 values came back"
    )
    assert said(3, {"outputs": ["y"]}) == "outputs[0] is expected to be an object, and none came back"
    assert said(3, []) == "the answer is expected to be an object, and none came back"
    assert said(4, [True, {"a": 1}]) == ""
    assert said(4, [1, {}]) == "[0] is expected to be True, and 1 came back"


def test_what_is_expected_of_nothing_is_any_answer_of_its_form() -> None:
    assert said(5, {"any": 1}) == said(5, None) == ""
    assert "not of its form" in said(5, b"<html>")


def test_an_answer_that_was_right_for_one_row_is_not_taken_for_another() -> None:
    examine = Examiner([Golden(row={}, expected={"prediction": 1.0}), Golden(row={}, expected={"prediction": 2.0})], 0)
    one, two = (msgspec.json.encode(rows({"prediction": value})) for value in (1.0, 2.0))
    assert examine(0, one) is None
    assert examine(1, two) is None
    assert examine(0, bytes(bytearray(one))) is None
    assert examine(1, one) is not None
    assert examine(0, two) is not None
    assert examine(0, one) is None
