"""A server of a model with numbers and texts, and the environment in which other people's clients and testers run."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

TOKEN = "a-secret-for-the-test"
KINDS = ("number", "integer", "boolean", "text", "date", "datetime", "list")
_ONNX = {
    "integer": TensorProto.INT64,
    "boolean": TensorProto.BOOL,
    "number": TensorProto.FLOAT,
    "list": TensorProto.FLOAT,
}
_value = helper.make_tensor_value_info


class Server(NamedTuple):
    """A server that has begun to answer."""

    url: str
    folder: Path


@pytest.fixture
def tools() -> Path:
    """The programs of the environment that other people's clients and testers are installed in."""
    return Path(os.environ["MLAGENT_TEST_CONFORMANCE"]).parent  # `make e2e` sets it


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a column of every kind, two of them nullable; whatever is sent, the answer is a finite number."""
    folder = tmp_path_factory.mktemp("server")
    write_model(folder)
    (folder / "token").write_text(TOKEN)
    command = [
        *(sys.executable, "-W", "error", "-m", "mlagent.serving", "--model", str(folder / "model.onnx")),
        *("--signature", str(folder / "signature.json"), "--name", "kinds", "--model-version", "3", "--port", "0"),
        *("--token-file", str(folder / "token"), "--ready-file", str(folder / "ready.json")),
    ]
    with subprocess.Popen(command) as process:
        end = time.monotonic() + 30
        while not (folder / "ready.json").exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        yield Server(json.loads((folder / "ready.json").read_text())["url"], folder)
        process.terminate()
        assert process.wait(30) == 0


def write_model(folder: Path) -> None:
    """Write it: a score of the numbers, held to what a sigmoid can carry; the texts are given back."""
    inputs = [_value(kind, _ONNX.get(kind, TensorProto.STRING), ["rows", 3 if kind == "list" else 1]) for kind in KINDS]
    outputs = [_value("score", TensorProto.FLOAT, ["rows", 1]), _value("same text", TensorProto.STRING, ["rows", 1])]
    nodes = [
        helper.make_node("Concat", ["number", "list"], ["numbers"], axis=1),
        helper.make_node("IsNaN", ["numbers"], ["absent"]),
        helper.make_node("Where", ["absent", "nought", "numbers"], ["whole"]),
        helper.make_node("Clip", ["whole", "least", "most"], ["held"]),
        helper.make_node("ReduceSum", ["held", "axis"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["score"]),
        helper.make_node("Identity", ["text"], ["same text"]),
    ]
    constants = [
        numpy_helper.from_array(np.array(0, np.float32), "nought"),
        numpy_helper.from_array(np.array(-5, np.float32), "least"),
        numpy_helper.from_array(np.array(5, np.float32), "most"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
    ]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(made, folder / "model.onnx")
    columns = [{"name": kind, "type": kind, "nullable": kind in ("number", "text")} for kind in KINDS]
    columns[-1]["length"] = 3
    signature = {"columns": columns, "packed": "", "missing": "<missing>"}
    (folder / "signature.json").write_text(json.dumps(signature), encoding="utf-8")
