"""One request in the forms that servers take, each with how its answer is read back."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.bench.serving.models import ROW, Case

JSON = {"content-type": "application/json"}
BYTES = {"content-type": "application/octet-stream"}
LENGTH = "inference-header-content-length"
V2 = "/v2/models/bench/infer"


class Ask(NamedTuple):
    """What is POSTed to `path`; `read` makes an array of the answer's body and headers."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    read: Callable[[bytes, Mapping[str, str]], np.ndarray]
    form: str


def v2_json(case: Case) -> Ask:
    """The Open Inference Protocol's JSON."""
    inputs = [_tensor(name, array) | {"data": array.ravel().tolist()} for name, array in case.asked.items()]
    return Ask(V2, _json({"inputs": inputs}), JSON, _v2, "V2 JSON")


def v2_binary(case: Case) -> Ask:
    """Its binary extension, both ways."""
    inputs = [
        _tensor(name, array) | {"parameters": {"binary_data_size": array.nbytes}} for name, array in case.asked.items()
    ]
    outputs = [{"name": case.output, "parameters": {"binary_data": True}}]
    whole = {"binary_data_output": True}  # some servers heed the one, some the other
    head = _json({"inputs": inputs, "outputs": outputs, "parameters": whole})
    raw = b"".join(array.tobytes() for array in case.asked.values())
    return Ask(V2, head + raw, BYTES | {LENGTH: str(len(head))}, _v2, "V2 binary")


def v2_base64(case: Case) -> Ask:
    """What MLServer takes for bytes, for it has no binary extension."""
    text = base64.b64encode(_only(case).tobytes()).decode()
    tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": [text]}
    return Ask(V2, _json({"inputs": [tensor]}), JSON, _v2, "V2 JSON with base64")


def predict(_case: Case) -> Ask:
    """Our rows of raw columns."""
    return Ask("/predict", _json({"rows": [ROW]}), JSON, _at("rows", 0, "probabilities"), "rows in JSON")


def mlflow(case: Case) -> Ask:
    """Named tensors, which alone become what the ONNX flavor hands to several inputs of rank 2."""
    inputs = {name: array.tolist() for name, array in case.asked.items()}
    return Ask("/invocations", _json({"inputs": inputs}), JSON, _at("predictions", case.output), "inputs in JSON")


def litserve(case: Case) -> Ask:
    """JSON of our own making, or base64 in it."""
    if _large(case):
        content = {"content": base64.b64encode(_only(case).tobytes()).decode()}
        return Ask("/predict", _json(content), JSON, _at("output"), "JSON with base64")
    return Ask("/predict", _json({"input": _only(case).tolist()}), JSON, _at("output"), "JSON")


def bentoml(case: Case) -> Ask:
    """Its own JSON, or a file."""
    if _large(case):
        return Ask("/predict_file", _only(case).tobytes(), BYTES, _at(), "a file of bytes")
    return Ask("/predict", _json({"features": _only(case).tolist()}), JSON, _at(), "JSON")


def raw(case: Case) -> Ask:
    """Nothing but the bytes, both ways."""
    return Ask("/bytes", _only(case).tobytes(), BYTES, lambda body, _: np.frombuffer(body, np.float32), "bare bytes")


def _only(case: Case) -> np.ndarray:
    (array,) = case.asked.values()
    return array


def _large(case: Case) -> bool:
    return _only(case).nbytes > 1 << 16


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _tensor(name: str, array: np.ndarray) -> dict[str, Any]:
    return {"name": name, "shape": list(array.shape), "datatype": "FP32" if array.dtype == np.float32 else "BYTES"}


def _at(*keys: str | int) -> Callable[[bytes, Mapping[str, str]], np.ndarray]:
    def read(body: bytes, _headers: Mapping[str, str]) -> np.ndarray:
        value = json.loads(body)
        for key in keys:
            value = value[key]
        return np.array(value, np.float32)

    return read


def _v2(body: bytes, headers: Mapping[str, str]) -> np.ndarray:
    length = int(headers[LENGTH]) if LENGTH in headers else len(body)
    (output,) = json.loads(body[:length])["outputs"]
    return np.array(output["data"], np.float32) if "data" in output else np.frombuffer(body[length:], np.float32)
