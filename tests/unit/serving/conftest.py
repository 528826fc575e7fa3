"""The app, called as an ASGI server would call it, with a model that only adds up."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from mlagent.serving.app import App
from mlagent.serving.datatypes import BY_ONNX
from mlagent.serving.metadata import Array, Tensor

FLOAT, INT8, TEXT = (BY_ONNX[f"tensor({name})"] for name in ("float", "int8", "string"))


class Adder:
    """Adds two columns and a number; `word` is given back unless it says what to do."""

    inputs: Sequence[Tensor] = (
        Tensor("x", FLOAT, ("rows", 2)),
        Tensor("n", INT8, ("rows",)),
        Tensor("word", TEXT, ("", 1)),
    )
    outputs: Sequence[Tensor] = (Tensor("sum", FLOAT, ("rows",)), Tensor("words", TEXT, ("", 1)))

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        if "fail" in arrays["word"]:
            raise RuntimeError("a secret of the server's")
        total = np.array(arrays["x"], np.float32).sum(1) + arrays["n"].astype(np.float32)
        if "nan" in arrays["word"]:
            total[0] = np.nan
        found: dict[str, Array] = {"sum": total, "words": arrays["word"]}
        return [found[name] for name in outputs]


class Answer(NamedTuple):
    """What came back."""

    status: int
    json: Any
    headers: Mapping[bytes, bytes]


class Caller:
    """Calls the app; bodies may come in parts."""

    def __init__(self) -> None:
        """Serve the adder as `adder`, up to 1000 bytes a body."""
        self.app = App("adder", Adder(), body_limit=1000)
        self.reads = 0

    def get(self, path: str) -> Answer:
        """GET."""
        return self.call("GET", path, [])

    def post(self, body: object) -> Answer:
        """POST a request, as JSON, to the adder."""
        return self.call("POST", "/v2/models/adder/infer", [json.dumps(body).encode()])

    def call(self, method: str, path: str, parts: Sequence[bytes], **headers: str) -> Answer:
        """Any request; its body in parts."""
        sent = asyncio.run(self.drive(method, path, parts, **headers))
        return Answer(sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"]))

    async def drive(self, method: str, path: str, parts: Sequence[bytes], **headers: str) -> list[Any]:
        """Give the messages that the app sent; after the parts the client is gone."""
        scope = {"type": "http", "method": method, "path": path}
        scope_headers = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if messages:
            messages[-1]["more_body"] = "truncated" in headers
        sent: list[Any] = []

        async def receive() -> Any:
            self.reads += 1
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app({**scope, "headers": scope_headers}, receive, send)
        return sent


@pytest.fixture
def caller() -> Caller:
    """Give a fresh app."""
    return Caller()


@pytest.fixture
def good() -> dict[str, Any]:
    """Give a request that the adder answers."""
    return {
        "inputs": [
            {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2.5, 3, 4]},
            {"name": "n", "shape": [2], "datatype": "INT8", "data": [10, -20]},
            {"name": "word", "shape": [1, 1], "datatype": "BYTES", "data": ["hé"]},
        ]
    }
