"""The app, called as an ASGI server would call it, with models that only add up."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from mlagent.serving.app import App
from mlagent.serving.arrays import datatype
from mlagent.serving.datatypes import BY_ONNX, DATATYPES
from mlagent.serving.metadata import Array, Model, Tensor
from mlagent.serving.metrics import Meter
from mlagent.serving.predict import Predictor
from mlagent.serving.routes import Health, of_model, of_watch
from mlagent.serving.signature import Signature
from tests.unit.serving import kinds

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


def inputs_of(signature: Signature) -> Sequence[Tensor]:
    """What a model of the signature takes."""
    types = {one.name: one for one in DATATYPES}
    return [Tensor(one.name, types[datatype(one)], ("rows", max(1, one.length))) for one in signature.columns]


class Fixed:
    """Gives one answer to everything, `y`; KeyError where it has none."""

    def __init__(self, signature: Signature, answers: Mapping[str, Array]) -> None:
        """Take the columns of the signature."""
        self.inputs: Sequence[Tensor] = inputs_of(signature)
        self.outputs: Sequence[Tensor] = (Tensor("y", FLOAT, ("rows", 1)),)
        self._answers = answers

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        assert list(arrays) == [one.name for one in self.inputs]
        return [self._answers[name] for name in outputs]


class Kinds(Fixed):
    """Takes a column of every kind; answers from the number and the text."""

    outputs: Sequence[Tensor] = (
        Tensor("probabilities", FLOAT, ("rows", 2)),
        Tensor("label", INT8, ("rows", 1)),
        Tensor("words", TEXT, ("rows",)),
    )

    def __init__(self, signature: Signature) -> None:
        """Take the columns of the signature."""
        self.inputs = inputs_of(signature)

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        number = np.array(arrays["number"], np.float32)
        found: dict[str, Array] = {
            "probabilities": np.hstack([number, 1 - number]),
            "label": number.astype(np.int8) // 2,
            "words": arrays["text"].ravel(),
        }
        return [found[name] for name in outputs]


class Caller:
    """Calls the apps of both ports; bodies may come in parts."""

    def __init__(self, name: str, model: Model, signature: Signature | None = None, version: str = "") -> None:
        """Serve a model, up to 100 000 bytes a body."""
        self.health, self.meter, self.model_name = Health(), Meter({"name": name}), name
        predictor = Predictor(name, model, signature) if signature else None
        routes = of_model(name, model, predictor, self.health, self.meter, version)
        self.app = App(routes, self.health, self.meter, body_limit=100_000 if signature else 1000, version=version)
        self.watch = App(of_watch(self.health, self.meter), self.health, Meter({}))
        self.reads = 0

    def get(self, path: str) -> Answer:
        """GET."""
        return self.call("GET", path, [])

    def watched(self, path: str) -> Answer:
        """GET from the port of those who watch."""
        return _answer(asyncio.run(self.drive("GET", path, [], self.watch)), json.loads)

    def metrics(self) -> str:
        """What Prometheus reads."""
        told = _answer(asyncio.run(self.drive("GET", "/metrics", [], self.watch)), bytes.decode)
        assert told.headers[b"content-type"].startswith(b"text/plain; version=0.0.4")
        return str(told.json)

    def post(self, body: object) -> Answer:
        """POST a request, as JSON, to the model's inference."""
        return self.call("POST", f"/v2/models/{self.model_name}/infer", [json.dumps(body).encode()])

    def predict(self, rows: object) -> Answer:
        """POST rows."""
        return self.call("POST", "/predict", [kinds.body(rows)])

    def leave(self, path: str) -> None:
        """POST half a request, and go."""
        assert asyncio.run(self.drive("POST", path, [b"{"], None, truncated="yes")) == []

    def call(self, method: str, path: str, parts: Sequence[bytes], **headers: str) -> Answer:
        """Any request; its body in parts."""
        return _answer(asyncio.run(self.drive(method, path, parts, None, **headers)), json.loads)

    async def drive(
        self, method: str, path: str, parts: Sequence[bytes], app: App | None = None, **headers: str
    ) -> list[Any]:
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

        await (app or self.app)({**scope, "headers": scope_headers}, receive, send)
        return sent


def _answer(sent: list[Any], decode: Callable[[bytes], Any]) -> Answer:
    return Answer(sent[0]["status"], decode(sent[1]["body"]), dict(sent[0]["headers"]))


@pytest.fixture
def fixed() -> Callable[[Model], Caller]:
    """Serve a model of the signature of all kinds."""
    return lambda model: Caller("m", model, kinds.served(kinds.shape()))


@pytest.fixture
def caller() -> Caller:
    """Give the adder, fresh; it has no signature."""
    return Caller("adder", Adder())


@pytest.fixture
def asker() -> Caller:
    """Give a model that takes a column of every kind."""
    signature = kinds.served(kinds.shape())
    return Caller("kinds", Kinds(signature), signature)


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
