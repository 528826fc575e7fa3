"""A real, tiny ONNX model, and the server as a process of its own."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Process = subprocess.Popen[str]
value = helper.make_tensor_value_info


class House:
    """A folder with a model in it, and the servers that were started from there."""

    def __init__(self, root: Path) -> None:
        """Write the model: FP32 rows of three numbers, doubled and summed, and an INT64 a row that passes through."""
        self.root, self.model, self.ready = root, root / "model.onnx", root / "ready.json"
        self.started: list[Process] = []
        nodes = [
            helper.make_node("MatMul", ["x", "weights"], ["sum"]),
            helper.make_node("Identity", ["key"], ["same_key"]),
        ]
        inputs = [value("x", TensorProto.FLOAT, ["rows", 3]), value("key", TensorProto.INT64, ["rows"])]
        outputs = [value("sum", TensorProto.FLOAT, ["rows", 1]), value("same_key", TensorProto.INT64, ["rows"])]
        weights = numpy_helper.from_array(np.full((3, 1), 2, np.float32), "weights")
        self._save(helper.make_graph(nodes, "graph", inputs, outputs, [weights]))

    def sequence_model(self) -> None:
        """Replace the model by one whose output is a list of tensors."""
        kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
        nodes = [helper.make_node("SequenceConstruct", ["x"], ["all"])]
        outputs = [helper.make_value_info("all", kind)]
        self._save(helper.make_graph(nodes, "graph", [value("x", TensorProto.FLOAT, [2])], outputs))

    def signed(self) -> list[str]:
        """Replace the model by one of a number and a text, which it gives back, and write its signature."""
        kinds = {"size": TensorProto.FLOAT, "body type": TensorProto.STRING}
        nodes = [helper.make_node("Identity", [name], [f"same {name}"]) for name in kinds]
        inputs = [value(name, kind, ["rows", 1]) for name, kind in kinds.items()]
        outputs = [value(f"same {name}", kind, ["rows", 1]) for name, kind in kinds.items()]
        self._save(helper.make_graph(nodes, "graph", inputs, outputs))
        columns = [
            {"name": "size", "type": "number", "nullable": False},
            {"name": "body type", "type": "text", "nullable": True},
        ]
        path = self.root / "signature.json"
        path.write_text(json.dumps({"columns": columns, "packed": "", "missing": "<missing>"}), encoding="utf-8")
        return ["--signature", str(path), "--metrics-port", "0"]

    def _save(self, graph: onnx.GraphProto) -> None:
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), self.model)

    def command(self, *more: str) -> list[str]:
        """Give the command line, warnings being errors."""
        base = [sys.executable, "-W", "error", "-m", "mlagent.serving", "--model", str(self.model), "--name", "toy"]
        return [*base, "--port", "0", "--ready-file", str(self.ready), *more]

    def start(self, *more: str) -> Process:
        """Start a server, without waiting for it."""
        self.started.append(subprocess.Popen(self.command(*more), stderr=subprocess.PIPE, text=True))
        return self.started[-1]

    def url(self) -> str:
        """Wait until a server is ready; its URL."""
        return self.urls()["url"]

    def urls(self) -> dict[str, str]:
        """Wait until a server is ready; what its ready file says."""
        wait_for(self.ready.exists)
        found: dict[str, str] = json.loads(self.ready.read_text(encoding="utf-8"))
        return found


def wait_for(condition: Any, seconds: float = 30) -> None:
    """Fail when `condition()` does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def ask(url: str, body: object = None) -> tuple[int, Any]:
    """GET, or POST with a body; status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house; whatever was started in it is ended."""
    house = House(tmp_path)
    yield house
    for process in house.started:
        with process:
            process.kill()


@pytest.fixture
def request_body() -> dict[str, Any]:
    """Give a request of two rows."""
    return {
        "inputs": [
            {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6.5]},
            {"name": "key", "shape": [2], "datatype": "INT64", "data": [2**53 + 1, -7]},
        ]
    }
