"""A connection to the app, in bytes and without a socket, with models that only add up."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from mlagent.serving import protocol
from mlagent.serving.app import App
from mlagent.serving.arrays import datatype
from mlagent.serving.connection import Connection, Limits
from mlagent.serving.crowd import Crowd
from mlagent.serving.datatypes import BY_ONNX, DATATYPES
from mlagent.serving.execution import Job
from mlagent.serving.inference import Serving, of_model
from mlagent.serving.metadata import Array, Model, Tensor
from mlagent.serving.metrics import Meter
from mlagent.serving.predict import Predictor
from mlagent.serving.routes import Health, labels, of_watch
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


class Straight:
    """Computes at once, in the order of requests."""

    waiting = running = 0

    def __init__(self, model: Model) -> None:
        """Compute with a model."""
        self._model, self._outputs = model, [one.name for one in model.outputs]
        self.seen: Callable[[Job], object] = lambda _: None

    def submit(self, job: Job) -> None:
        self.seen(job)
        try:
            results: Sequence[Array] | Exception = self._model(self._outputs, job.arrays)
        except Exception as error:  # noqa: BLE001  the runner hands it on
            results = error
        job.done(results)

    def close(self) -> None:
        """Nothing is left."""


class Wire(asyncio.Transport):
    """Keeps what is written; a closed one takes nothing."""

    def __init__(self) -> None:
        """Be open."""
        super().__init__()
        self.written, self.closed, self.ended, self.paused = b"", False, False, False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Caller:
    """Calls the apps of both ports, in bytes; bodies may come in parts."""

    def __init__(
        self, name: str, model: Model, signature: Signature | None = None, version: str = "", **more: Any
    ) -> None:
        """Serve a model, up to 100 000 bytes a body."""
        self.health, self.model_name = Health(), name
        self.meter = Meter({"name": name}, labels(name))
        self.runner = Straight(model)
        predictor = Predictor(name, model, signature) if signature else None
        served = protocol.Served(name, model, version)
        serving = Serving(served, self.runner, predictor, {"openapi": "3.1.0"}, **more)
        self.limits = Limits(body=100_000 if signature else 1000)
        self.app = App(of_model(serving, self.health), self.meter, version=version)
        routes = of_watch(self.health, self._told)
        self.watch = App(routes, Meter({}, list(routes)))
        self.crowd = Crowd(self.health)

    def _told(self) -> str:
        self.meter.beat()
        return self.meter.text(ready=self.health.ready)

    def get(self, path: str) -> Answer:
        """GET."""
        return self.call("GET", path, [])

    def watched(self, path: str) -> Answer:
        """GET from the port of those who watch."""
        return answers(self.drive("GET", path, [], self.watch).written, json.loads)[0]

    def metrics(self) -> str:
        """What Prometheus reads."""
        told = answers(self.drive("GET", "/metrics", [], self.watch).written, bytes.decode)[0]
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
        connection, wire = self.connect()
        connection.data_received(_head("POST", path, {"content-length": "10"}) + b"{")
        connection.connection_lost(None)
        assert wire.written == b""

    def call(self, method: str, path: str, parts: Sequence[bytes], **headers: str) -> Answer:
        """Any request; its body in parts."""
        return answers(self.drive(method, path, parts, None, **headers).written, json.loads)[0]

    def connect(self, app: App | None = None, limits: Limits | None = None) -> tuple[Connection, Wire]:
        """Make a connection."""
        connection, wire = Connection(app or self.app, self.crowd, limits or self.limits), Wire()
        connection.connection_made(wire)
        return connection, wire

    def drive(self, method: str, path: str, parts: Sequence[bytes], app: App | None = None, **headers: str) -> Wire:
        """Send a request in parts."""
        connection, wire = self.connect(app)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        if parts and "transfer-encoding" not in named:
            named.setdefault("content-length", str(sum(map(len, parts))))
        connection.data_received(_head(method, path, named))
        for part in parts:
            connection.data_received(part)
        return wire


def _head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    fields = "".join(f"{name}: {text}\r\n" for name, text in {"host": "here", **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()


def answers(written: bytes, decode: Callable[[bytes], Any] = json.loads) -> list[Answer]:
    """All that was answered, in order."""
    found = []
    while written:
        head, _, rest = written.partition(b"\r\n\r\n")
        first, *fields = head.split(b"\r\n")
        headers = dict(one.split(b": ", 1) for one in fields)
        length = int(headers[b"content-length"])
        found.append(Answer(int(first.split()[1]), decode(rest[:length]), headers))
        written = rest[length:]
    return found


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
