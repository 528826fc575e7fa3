"""Which version answered: said by every answer of the model's port where it is known, and by none where it is not."""

from typing import TYPE_CHECKING, Any

import pytest

from mlagent.serving import options as command
from mlagent.serving.signature import Signature
from tests.unit.serving import kinds
from tests.unit.serving.conftest import Adder, Caller, Kinds
from tests.unit.serving.kinds import GOOD

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED = b"x-model-version"
SIGNATURE: Signature = kinds.served(kinds.shape())


def rows_of_three() -> Caller:
    return Caller("kinds", Kinds(SIGNATURE), SIGNATURE, version="3")


def test_metadata_and_inference_name_the_version(good: dict[str, Any], caller: Caller) -> None:
    third = Caller("adder", Adder(), version="3")
    assert third.get("/v2/models/adder").json == caller.get("/v2/models/adder").json | {"versions": ["3"]}
    assert third.post(good).json == caller.post(good).json | {"model_version": "3"}


def test_the_answer_to_rows_keeps_its_form_and_names_the_version_beside_it(asker: Caller) -> None:
    told = rows_of_three().predict([GOOD])
    assert told.json == asker.predict([GOOD]).json
    assert told.headers[NAMED] == b"3"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v2", [], 200),
        ("GET", "/v2/health/live", [], 200),
        ("POST", "/predict", [b"{"], 400),
        ("GET", "/nothing", [], 404),
        ("GET", "/predict", [], 405),
        ("POST", "/predict", [b" " * 100_001], 413),
    ],
)
def test_every_answer_names_the_version_refusals_too(method: str, path: str, body: list[bytes], status: int) -> None:
    told = rows_of_three().call(method, path, body)
    assert (told.status, told.headers[NAMED]) == (status, b"3")


def test_a_failure_and_the_end_name_it_as_well(good: dict[str, Any]) -> None:
    third = Caller("adder", Adder(), version="3")
    good["inputs"][2]["data"] = ["fail"]
    failed = third.post(good)
    third.health.ready = False
    ending = third.get("/v2/health/ready")
    assert [(told.status, told.headers[NAMED]) for told in (failed, ending)] == [(500, b"3"), (503, b"3")]


def test_without_a_version_nothing_is_said_of_one(good: dict[str, Any], caller: Caller) -> None:
    told, described = caller.post(good), caller.get("/v2/models/adder")
    assert list(told.json) == ["model_name", "outputs"]
    assert "versions" not in described.json
    assert NAMED not in {*told.headers, *described.headers}


def test_who_watches_is_not_told_by_a_header() -> None:
    assert NAMED not in rows_of_three().watched("/v2/health/ready").headers


@pytest.mark.parametrize(
    ("options", "environment", "version"),
    [
        ([], {}, ""),
        ([], {"MLAGENT_SERVING_VERSION": ""}, ""),
        ([], {"MLAGENT_SERVING_VERSION": "12"}, "12"),
        (["--model-version", "0f3a9c7d21be"], {"MLAGENT_SERVING_VERSION": "12"}, "0f3a9c7d21be"),
    ],
)
def test_the_option_counts_before_the_variable(
    monkeypatch: pytest.MonkeyPatch, options: list[str], environment: "Mapping[str, str]", version: str
) -> None:
    monkeypatch.delenv("MLAGENT_SERVING_VERSION", raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    found = command.parser().parse_args(["--model", "m.onnx", "--name", "m", *options])
    assert found.model_version == version


@pytest.mark.parametrize("text", ["a b", 'a"', "é", "a\r\nset-cookie: b", "a\n", "a" * 64])
def test_a_version_that_no_header_and_no_label_can_carry_is_refused_before_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("MLAGENT_SERVING_VERSION", text)
    with pytest.raises(SystemExit, match="2"):
        command.parser().parse_args(["--model", "m.onnx", "--name", "m"])
    assert "--model-version" in capsys.readouterr().err
