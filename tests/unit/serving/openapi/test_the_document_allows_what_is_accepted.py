"""The OpenAPI document and the server agree: on each body, the schema says what the server does."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from mlagent.serving import openapi
from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Array, Tensor
from mlagent.serving.protocol import Served, read
from mlagent.serving.rows import Reader
from tests.unit.serving import kinds
from tests.unit.serving.inference.echo import TYPES, Echo, plain

SIGNATURE = kinds.served(kinds.shape())
READER = Reader(SIGNATURE)
_MISFIT = st.sampled_from([None, True, 0, 1.5, -1, 2**63, -(2**63) - 1, 2**64, 1e39, -1e300, "", "2025-02-29"])
_MISFITS = _MISFIT | st.lists(_MISFIT, max_size=4) | st.dictionaries(st.text(max_size=2), _MISFIT, max_size=1)
_MOMENTS = ["0000-01-01", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "0004-02-29", "2025-04-31",
    "2025-4-3", "2025-13-01", "20250301", "2025-03-01 ", "9999-12-31", "+2025-03-01", "\uff12025-03-01"]  # fmt: skip
_HOURS = ["", "T00:00:00", " 23:59:59.999999", "T24:00:00", "T12:30", "T12:30:00Z", "T12:30:00+00:00",
    "T12:30:00+01:00", "T12:30:60", "T12:30:00.", "T12:30:00.1", "T12:30:00z", "t12:30:00", "T12:30:00-00:00",
    "T12:30:00+0000"]  # fmt: skip


class Two:
    """Two inputs that share their rows, of every size of dimension; and an output of each kind."""

    inputs: Sequence[Tensor] = (Tensor("x", TYPES["FP32"], ("rows", 2)), Tensor("n", TYPES["INT8"], ("rows",)))
    outputs: Sequence[Tensor] = (Tensor("y", TYPES["FP64"], ("rows",)), Tensor("t", TYPES["BYTES"], ("rows", 1)))

    def __call__(self, outputs: object, arrays: object) -> Sequence[Array]:
        """Nobody asks."""
        raise NotImplementedError


def document(served: Served, *, guarded: bool = False) -> Mapping[str, Any]:
    made = openapi.document(served, SIGNATURE, "1.2", body_limit=1000, guarded=guarded)
    return json.loads(msgspec.json.encode(made))  # type: ignore[no-any-return]


def validator(of: Mapping[str, Any], path: str) -> Draft202012Validator:
    schema = of["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


TWO = Served("two", Two(), "3")
DOCUMENT = document(TWO)
INFER, PREDICT = validator(DOCUMENT, "/v2/models/two/infer"), validator(DOCUMENT, "/predict")


def infers(body: object) -> bool:
    try:
        read(TWO, json.dumps(body).encode())
    except Refused:
        return False
    return True


def predicts(body: object) -> bool:
    try:
        READER(json.dumps(body).encode())
    except Refused:
        return False
    return True


X, N = plain("x", [2, 2], [1, 2, 3, 4]) | {"datatype": "FP32"}, plain("n", [2], [5, 6]) | {"datatype": "INT8"}
BODIES: list[Mapping[str, Any]] = [
    {"inputs": [X, N]},
    {"inputs": [X | {"data": [[1, 2], [3, 4]]}, N], "id": None},
    {"inputs": [X, N], "id": "a", "outputs": [{"name": "t"}, {"name": "y", "parameters": {"binary_data": True}}]},
    {"inputs": [X, N], "parameters": {"timeout": 3, "else": [None], "binary_data_output": False}, "outputs": []},
    {"inputs": [X, N], "parameters": {"timeout": -3}},
    {"inputs": [X, N], "parameters": {"sequence_id": 3}},
    {"inputs": [X, N], "parameters": None},
    {"inputs": [X, N], "outputs": [{"name": "t"}, {"name": "t", "parameters": {}}]},
    {"inputs": [X, N], "outputs": [{"name": "z"}]},
    {"inputs": [X, N], "outputs": [{"name": "t", "parameters": {"classification": 1}}]},
    {"inputs": [X, N], "more": 1},
    {"inputs": [X, N, N]},
    {"inputs": [X, X]},
    {"inputs": [X]},
    {"inputs": [X, N | {"shape": [1], "data": [5]}]},
    {"inputs": [X, N | {"data": [5, 128]}]},
    {"inputs": [X, N | {"data": [5, 6.5]}]},
    {"inputs": [X, N | {"data": [5, True]}]},
    {"inputs": [X, N | {"data": [5]}]},
    {"inputs": [X, N | {"datatype": "INT16"}]},
    {"inputs": [X, N | {"parameters": {"binary_data_size": 2}}]},
    {"inputs": [X | {"data": [1, 2, 3, 3.5e38]}, N]},
    {"inputs": [X | {"data": [1, 2, 3, "4"]}, N]},
    {"inputs": [X | {"data": [[1, 2, 3, 4]]}, N]},
    {"inputs": []},
    {},
]


@pytest.mark.parametrize("body", BODIES, ids=map(str, range(len(BODIES))))
def test_tensors_are_allowed_where_they_are_accepted(body: Mapping[str, Any]) -> None:
    assert INFER.is_valid(body) == infers(body)


@given(kinds.ROW.map(lambda row: json.loads(kinds.body([row]))))
def test_rows_that_are_accepted_are_allowed(body: Mapping[str, Any]) -> None:
    assert predicts(body)
    PREDICT.validate(body)


@given(st.sampled_from(SIGNATURE.columns), _MISFITS)
@example(SIGNATURE.columns[0], 3.5e38)
def test_a_value_is_allowed_where_it_is_accepted(column: Any, value: object) -> None:
    body = json.loads(kinds.body([kinds.GOOD | {column.name: value}]))
    assert PREDICT.is_valid(body) == predicts(body)


@pytest.mark.parametrize("day", _MOMENTS)
@pytest.mark.parametrize("hour", _HOURS)
def test_a_moment_is_allowed_where_it_is_accepted(day: str, hour: str) -> None:
    for name in ("date", "datetime"):
        body = json.loads(kinds.body([kinds.GOOD | {name: day + hour}]))
        assert not PREDICT.is_valid(body) or predicts(body)
        if day in {"2024-02-29", "2000-02-29", "0004-02-29", "9999-12-31"} and hour in set(_HOURS[:3] + _HOURS[5:7]):
            assert PREDICT.is_valid(body) == predicts(body)


@pytest.mark.parametrize("body", [{}, {"rows": []}, {"rows": [{}], "more": 1}, {"rows": {}}, [], None])
def test_a_body_of_another_form_is_neither(body: object) -> None:
    assert not PREDICT.is_valid(body)
    assert not predicts(body)


def test_the_example_is_accepted() -> None:
    shown = DOCUMENT["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    PREDICT.validate(shown)
    assert predicts(shown)


@pytest.mark.parametrize("name", [*TYPES])
def test_every_type_is_described(name: str) -> None:
    of = validator(document(Served("echo", Echo(name))), "/v2/models/echo/infer")
    good: object = {"BYTES": "a", "BOOL": True}.get(name, 1)
    assert of.is_valid({"inputs": [plain(name, [1, 2], [good, good])]})
    assert not of.is_valid({"inputs": [plain(name, [1, 2], [good, None])]})


def test_a_fixed_shape_is_spelled_once() -> None:
    fixed = Echo("FP32")
    fixed.inputs = (Tensor("FP32", TYPES["FP32"], (1, 2)),)
    described = document(Served("echo", fixed))["paths"]["/v2/models/echo/infer"]["post"]
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["inputs"]["items"]["properties"]["shape"] == {"const": [1, 2]}
    assert "free" not in described["description"]


def test_versions_have_their_paths_and_answers_their_headers() -> None:
    assert DOCUMENT["paths"]["/v2/models/two/infer"]["post"] | {"operationId": ""} == DOCUMENT["paths"][
        "/v2/models/two/versions/3/infer"
    ]["post"] | {"operationId": ""}
    answers = DOCUMENT["paths"]["/predict"]["post"]["responses"]
    assert {*answers} == {"200", "400", "408", "413", "414", "415", "431", "500", "503", "504"}
    assert all({"X-Request-Id", "X-Model-Version"} <= {*one["headers"]} for one in answers.values())
    assert "Retry-After" in answers["503"]["headers"]


def test_a_token_is_asked_for_where_there_is_one() -> None:
    guarded = document(TWO, guarded=True)
    assert guarded["security"] == [{"bearer": []}]
    assert guarded["paths"]["/v2/health/ready"]["get"]["security"] == []
    assert "401" in guarded["paths"]["/predict"]["post"]["responses"]
    assert "security" not in DOCUMENT


def test_every_name_in_it_is_known_in_it() -> None:
    text = json.dumps(DOCUMENT)
    for kind, known in DOCUMENT["components"].items():
        for name in known:
            assert f'"#/components/{kind}/{name}"' in text
    assert text.count('"$ref"') == sum(
        text.count(f'"#/components/{kind}/{name}"') for kind, known in DOCUMENT["components"].items() for name in known
    )
