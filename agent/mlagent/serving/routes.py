"""Which path is answered by what: the model's port, and the one for those who watch."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mlagent import __version__
from mlagent.serving.faults import Refused
from mlagent.serving.metadata import Model, Tensor
from mlagent.serving.metrics import CONTENT_TYPE, Meter
from mlagent.serving.predict import Predictor
from mlagent.serving.protocol import InferResponse, infer

LIVE, READY, PREDICT, METRICS = "/v2/health/live", "/v2/health/ready", "/predict", "/metrics"
_MODELS = "/v2/models/"
JSON = "application/json"


class Route(NamedTuple):
    """What answers a path; `answer` is handed the body (empty for GET), and gives text, or what is encoded as JSON."""

    method: str
    answer: Callable[[bytes], object]
    content_type: str = JSON


class Health:
    """Whether requests are still wanted; written once, when the end begins."""

    def __init__(self) -> None:
        """Ready from the start: nobody can ask before the server listens."""
        self.ready = True

    def live(self, _: bytes) -> object:
        """Answer as long as there is a process."""
        return {"live": True}

    def asked(self, _: bytes) -> dict[str, object]:
        """Answer whether to send requests here; Refused (503) when they should go elsewhere."""
        if not self.ready:
            raise Refused(503, "this server is about to end: ask another", more={"ready": False})
        return {"ready": True}


def of_model(
    name: str, model: Model, predictor: Predictor | None, health: Health, meter: Meter, version: str = ""
) -> Mapping[str, Route]:
    """The routes of the Open Inference Protocol v2, and /predict; `version` is the model's, empty where it has none."""
    path = f"{_MODELS}{name}"

    def inferred(body: bytes) -> InferResponse:
        found = infer(name, model, body, version)
        meter.rows += next((one.shape[0] for one in found.outputs if one.shape), 0)
        return found

    def predicted(body: bytes) -> object:
        if predictor is None:
            raise Refused(404, f"no --signature was given here, so rows have no columns; {path}/infer takes tensors")
        found = predictor(body)
        meter.rows += len(found.rows)
        return found

    return {
        LIVE: Route("GET", health.live),
        READY: Route("GET", health.asked),
        PREDICT: Route("POST", predicted),
        "/v2": Route("GET", lambda _: {"name": "mlagent", "version": __version__, "extensions": []}),
        path: Route("GET", lambda _: _metadata(name, model, version)),
        f"{path}/ready": Route("GET", lambda body: {"name": name, **health.asked(body)}),
        f"{path}/infer": Route("POST", inferred),
    }


def of_watch(health: Health, meter: Meter) -> Mapping[str, Route]:
    """Health and metrics."""
    return {
        LIVE: Route("GET", health.live),
        READY: Route("GET", health.asked),
        METRICS: Route("GET", lambda _: meter.text(ready=health.ready), CONTENT_TYPE),
    }


def find(routes: Mapping[str, Route], method: str, path: str) -> Route:
    """The route of a request; Refused (404, 405) says what there is instead."""
    route = routes.get(path)
    if route is None:
        raise Refused(404, _unknown(routes, path))
    if method != route.method:
        raise Refused(405, f"{path} takes {route.method}, not {method}", {"allow": route.method})
    return route


def _unknown(routes: Mapping[str, Route], path: str) -> str:
    mine = next(filter(None, map(_model, routes)), "")
    asked = _model(path)
    if mine and asked and asked != mine:
        return f"there is no model {asked!r} here; this server has {mine!r}"
    return f"there is nothing at {path}; here are {', '.join(routes)}"


def _model(path: str) -> str:
    """The model's name in a path; nothing where there is none."""
    return path.removeprefix(_MODELS).partition("/")[0] if path.startswith(_MODELS) else ""


def _metadata(name: str, model: Model, version: str) -> Mapping[str, object]:
    versions = {"versions": [version]} if version else {}
    return {
        "name": name,
        **versions,
        "platform": "onnx_onnxv1",
        "inputs": [_described(tensor) for tensor in model.inputs],
        "outputs": [_described(tensor) for tensor in model.outputs],
    }


def _described(tensor: Tensor) -> Mapping[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": tensor.shape}
