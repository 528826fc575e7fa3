"""A refused body of /predict says for each fault the row, the field, what was sent and what is expected."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.serving.conftest import Caller, Kinds
from tests.unit.serving.kinds import GOOD, SCHEMA, body, served, shape

MOMENT = 'a moment such as "2025-03-01T12:30:00", without a zone or with Z'
VALUES: list[tuple[str, object, str]] = [
    ("number", "5", 'expected a number, got "5"'),
    ("number", True, "expected a number, got true"),
    ("number", None, "is null, and this column is never absent: expected a number"),
    ("number", 1e39, "1e39 is too large for float32"),
    ("number?", -1e39, "-1e39 is too large for float32"),
    ("integer", 2.5, "expected a whole number of 64 bits, got 2.5"),
    ("integer?", 2**63, "expected a whole number of 64 bits, got 9223372036854775808"),
    ("boolean", 1, "expected true or false, got 1"),
    ("boolean?", "true", 'expected true or false, got "true"'),
    ("text", 5, "expected a text, got 5"),
    ("text", ["x" * 99], f'expected a text, got ["{"x" * 57}…'),
    ("text", None, "is null, and this column is never absent: expected a text"),
    ("date", "2025-02-30", 'expected a date such as "2025-03-01", got "2025-02-30"'),
    ("date", "2025-03-01T00:00:00", 'expected a date such as "2025-03-01", got "2025-03-01T00:00:00"'),
    ("datetime", "yesterday", f'expected {MOMENT}, got "yesterday"'),
    ("datetime?", "2025-03-01T12:30:00+02:00", f'expected {MOMENT}, got "2025-03-01T12:30:00+02:00"'),
    ("list", 5, "expected a list of 3 numbers, got 5"),
    ("list", [1, 2], "expected a list of 3 numbers, got 2"),
    ("list?", [1, 2, "x"], 'expected a list of 3 numbers, got "x" as item 2'),
    ("list", [1, None, 3], "expected a list of 3 numbers, got null as item 1"),
    ("list", [1, 2, True], "expected a list of 3 numbers, got true as item 2"),
    ("list", [1e39, 2, 3], "item 0: 1e39 is too large for float32"),
    ("list", None, "is null, and this column is never absent: expected a list of 3 numbers"),
]


@pytest.mark.parametrize(("field", "value", "message"), VALUES)
def test_a_wrong_value_is_named(asker: "Caller", field: str, value: object, message: str) -> None:
    told = asker.predict([GOOD, {**GOOD, field: value}])
    assert told.status == 400
    assert told.json == {
        "error": f"row 1, {field}: {message}",
        "errors": [{"row": 1, "field": field, "message": message}],
    }


def test_every_kind_of_column_has_a_wrong_value_here() -> None:
    assert {field.strip("?") for field, _, _ in VALUES} == {name.strip("?") for name in SCHEMA.columns}


def test_a_name_without_end_is_cut_off(asker: "Caller") -> None:
    told = asker.predict([GOOD | {"x" * 50_000: 1}]).json
    assert told["errors"] == [{"row": 0, "field": f"{'x' * 59}…", "message": "there is no such column"}]
    assert told["error"] == f"row 0, {'x' * 59}…: there is no such column"


def test_missing_and_unknown_columns_are_named_with_the_nearest(asker: "Caller") -> None:
    row: dict[str, Any] = {name: value for name, value in GOOD.items() if name != "number"}
    told = asker.predict([row | {"numbr": 1.0, "zzz": 2}]).json["errors"]
    assert told == [
        {"row": 0, "field": "numbr", "message": "there is no such column; did you mean 'number'?"},
        {"row": 0, "field": "zzz", "message": "there is no such column"},
        {"row": 0, "field": "number", "message": "is missing, and this column is never absent: expected a number"},
    ]


def test_faults_of_many_rows_are_told_up_to_twenty(asker: "Caller") -> None:
    told = asker.predict([5, *[{**GOOD, "text": 5}] * 30]).json
    assert told["error"] == "row 0: expected an object of columns, got 5"
    assert told["errors"][0] == {"row": 0, "field": None, "message": "expected an object of columns, got 5"}
    assert [one["row"] for one in told["errors"]] == list(range(20))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "the body cannot be read as JSON: "),
        (b'{"rows": [', "the body cannot be read as JSON: "),
        (b"\xff", "the body cannot be read as JSON: "),
        (b'{"rows": [{"number": 1e400}]}', "the body cannot be read as JSON: Number out of range"),
        (b'{"rows": ' + b"[" * 90_000, "the body cannot be read as JSON: "),
        (b'{"rows": [{"text": "\\ud800"}]}', "the body cannot be read as JSON: "),
        (b"[]", "the body is []; expected {"),
        (b"{}", "the body has no rows; expected {"),
        (b'{"row": []}', "the body has the unknown key 'row'; did you mean 'rows'?; expected {"),
        (b'{"rows": {}}', "rows is {}, not a list; expected {"),
        (b'{"rows": null}', "rows is null, not a list; expected {"),
        (b'{"rows": []}', "rows is empty: send at least one row; expected {"),
        (body([GOOD])[:-1] + b', "id": 1}', "the body has the unknown key 'id'; expected {"),
    ],
)
def test_a_body_of_another_form_is_shown_the_right_one(asker: "Caller", sent: bytes, said: str) -> None:
    told = asker.call("POST", "/predict", [sent])
    assert told.status == 400
    assert told.json["error"].startswith(said)
    assert told.json["errors"] == []
    assert asker.predict([GOOD]).status == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "rows", "x"]), inner, max_size=9)
    ),
)


JSON = st.builds(msgspec.json.encode, ANYTHING) | st.builds(body, ANYTHING) | st.builds(body, st.tuples(ANYTHING))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | JSON)
def test_whatever_is_sent_is_answered_or_refused_with_a_sentence(sent: bytes) -> None:
    signature = served(shape())
    told = Caller("kinds", Kinds(signature), signature).call("POST", "/predict", [sent])
    assert told.status == 200 or (told.status == 400 and told.json["error"] and len(told.json["errors"]) <= 20)


def test_without_a_signature_rows_are_not_served_and_tensors_are_pointed_at(caller: "Caller") -> None:
    told = caller.call("POST", "/predict", [body([GOOD])])
    assert told.status == 404
    assert "no --signature" in told.json["error"]
    assert "/v2/models/adder/infer" in told.json["error"]
