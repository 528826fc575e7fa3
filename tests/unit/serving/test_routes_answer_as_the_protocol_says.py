"""Open Inference Protocol v2: what stands where."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.serving.conftest import Caller


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/adder/ready", {"name": "adder", "ready": True}),
    ],
)
def test_health_is_told(caller: "Caller", path: str, answer: object) -> None:
    told = caller.get(path)
    assert (told.status, told.json) == (200, answer)
    assert told.headers[b"content-type"] == b"application/json"


def test_the_server_names_itself(caller: "Caller") -> None:
    told = caller.get("/v2").json
    assert told["name"] == "mlagent"
    assert told["version"]
    assert told["extensions"] == ["binary_tensor_data"]


def test_metadata_name_every_tensor_with_its_type_and_shape(caller: "Caller") -> None:
    told = caller.get("/v2/models/adder").json
    assert told["inputs"] == [
        {"name": "x", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "n", "datatype": "INT8", "shape": [-1]},
        {"name": "word", "datatype": "BYTES", "shape": [-1, 1]},
    ]
    assert [output["name"] for output in told["outputs"]] == ["sum", "words"]
    assert told["platform"] == "onnx_onnxv1"


def test_inference_answers_all_outputs_flat_with_type_and_shape(caller: "Caller", good: dict[str, Any]) -> None:
    told = caller.post(good)
    assert told.status == 200
    assert told.json == {
        "model_name": "adder",
        "outputs": [
            {"name": "sum", "datatype": "FP32", "shape": [2], "data": [13.5, -13.0]},
            {"name": "words", "datatype": "BYTES", "shape": [1, 1], "data": ["hé"]},
        ],
    }


def test_nested_data_mean_the_same_as_flat_data(caller: "Caller", good: dict[str, Any]) -> None:
    flat = caller.post(good)
    good["inputs"][0]["data"] = [[1, 2.5], [3, 4]]
    good["inputs"][2]["data"] = [["hé"]]
    assert caller.post(good).json == flat.json


def test_a_request_chooses_its_outputs_and_gets_its_id_back(caller: "Caller", good: dict[str, Any]) -> None:
    told = caller.post(good | {"id": "a1", "outputs": [{"name": "words"}], "parameters": {"anything": 1}}).json
    assert told["id"] == "a1"
    assert [output["name"] for output in told["outputs"]] == ["words"]


def test_a_body_may_come_in_parts(caller: "Caller") -> None:
    told = caller.call("POST", "/v2/models/adder/infer", [b'{"in', b'puts": ', b"[]}"])
    assert told.json == {"error": "input 'x' (FP32, shape [-1, 2]) is missing"}


def test_a_client_that_left_is_not_answered(caller: "Caller") -> None:
    caller.leave("/v2/models/adder/infer")
    assert caller.crowd.held == 0
