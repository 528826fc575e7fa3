"""The client that NVIDIA ships for the protocol: metadata, JSON and binary inference, all answered as it expects."""

import json
import subprocess
from pathlib import Path

from tests.e2e.serving.conftest import TOKEN, Server

ASKED = """
import json, sys
import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

url, token = sys.argv[1:]
client = http.InferenceServerClient(url.removeprefix("http://"))
headers = {"Authorization": f"Bearer {token}"}
rows = {
    "number": np.array([[0.5], [np.nan]], np.float32),
    "integer": np.array([[2**53 + 1], [-1]], np.int64),
    "boolean": np.array([[True], [False]]),
    "text": np.array([["h\\u00e9"], [""]], object),
    "date": np.array([["2025-03-01"]] * 2, object),
    "datetime": np.array([["2025-03-01T12:30:00.000000"]] * 2, object),
    "list": np.array([[1, 2, 3]] * 2, np.float32),
}
metadata = client.get_model_metadata("kinds", headers=headers)
types = {one["name"]: one["datatype"] for one in metadata["inputs"]}

def asked(rows, binary_in, binary_out, **more):
    inputs = []
    for at, (name, array) in enumerate(rows.items()):
        inputs.append(http.InferInput(name, array.shape, types[name]))
        inputs[-1].set_data_from_numpy(array, binary_data=binary_in(at))
    outputs = [http.InferRequestedOutput(name, binary_data=binary_out) for name in ("same text", "score")]
    found = client.infer("kinds", inputs, outputs=outputs, headers=headers, **more)
    texts = [one if isinstance(one, str) else one.decode() for one in found.as_numpy("same text").ravel()]
    return [found.as_numpy("score").ravel().tolist(), texts, found.get_response().get("id")]

first = {name: array[:1] for name, array in rows.items()}  # JSON has no NaN

def refused(**more):
    try:
        asked(first, lambda at: True, True, **more)
    except InferenceServerException as error:
        return [error.status(), error.message()]

print(json.dumps({
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model ready": client.is_model_ready("kinds", headers=headers),
    "version ready": client.is_model_ready("kinds", "3", headers=headers),
    "server": client.get_server_metadata(headers=headers),
    "metadata": metadata,
    "of version": client.get_model_metadata("kinds", "3", headers=headers),
    "json": asked(first, lambda at: False, False),
    "mixed": asked(first, lambda at: at % 2 == 1, True),
    "binary": asked(first, lambda at: True, True),
    "two rows": asked(rows, lambda at: True, True, request_id="seven", model_version="3", timeout=30_000_000),
    "priority": asked(first, lambda at: True, False, priority=2),
    "sequence": refused(sequence_id=5, sequence_start=True),
    "compressed": refused(request_compression_algorithm="gzip"),
    "no token": client.is_model_ready("kinds"),
}))
"""


def test_it_gets_metadata_and_answers_in_json_and_binary(server: Server, tools: Path) -> None:
    command = [str(tools / "python"), "-c", ASKED, server.url, TOKEN]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert [told.pop(name) for name in ("live", "ready", "model ready", "version ready")] == [True] * 4
    assert told["server"]["extensions"] == ["binary_tensor_data"]
    assert told["metadata"]["versions"] == ["3"]
    assert told["metadata"]["inputs"][0] == {"name": "number", "datatype": "FP32", "shape": [-1, 1]}
    assert told["of version"] == told["metadata"]
    [[score], texts, name] = told["json"]
    assert (0 < score < 1, texts, name) == (True, ["hé"], None)
    assert told["mixed"] == told["binary"] == told["priority"] == told["json"]
    [[same, other], texts, name] = told["two rows"]
    assert (same == score, other < score, texts, name) == (True, True, ["hé", ""], "seven")
    assert told["sequence"][0] == "400"
    assert "'sequence_id'" in told["sequence"][1]
    assert told["compressed"][0] == "415"
    assert told["no token"] is False
