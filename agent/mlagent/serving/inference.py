"""The routes of a model's port: its metadata, inference by tensors and by rows, and the document of them all."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mlagent import __version__
from mlagent.serving import protocol
from mlagent.serving.execution import Job, Runner
from mlagent.serving.faults import Refused
from mlagent.serving.message import JSON, Reply, Request, encode, of_error
from mlagent.serving.metadata import Array
from mlagent.serving.predict import Predictor
from mlagent.serving.routes import LIVE, MODELS, OPENAPI, PREDICT, READY, Handler, Health, Route

NEVER = float("inf")


class Serving(NamedTuple):
    """What the model's port answers with; `deadline_seconds` 0 sets none, `rows_limit` is of one request."""

    served: protocol.Served
    runner: Runner
    predictor: Predictor | None
    document: Mapping[str, object]
    deadline_seconds: float = 0.0
    rows_limit: int = 65_536


def of_model(serving: Serving, health: Health) -> Mapping[str, Route]:
    """The routes of the Open Inference Protocol v2, and /predict."""
    served = serving.served
    path = f"{MODELS}{served.name}"
    routes = [
        Route("GET", health.live, LIVE, guarded=False),
        Route("GET", health.asked, READY, guarded=False),
        Route("POST", _predicted(serving, path), PREDICT),
        Route("GET", _told(serving.document), OPENAPI),
        Route("GET", _told({"name": "mlagent", "version": __version__, "extensions": protocol.EXTENSIONS}), "/v2"),
        Route("GET", _told(served.metadata()), path),
        Route("GET", _model_ready(served.name, health), f"{path}/ready"),
        Route("POST", _inferred(serving), f"{path}/infer"),
    ]
    found = {one.label: one for one in routes}
    if served.version:
        same = [one for one in routes if one.label.startswith(path)]
        versioned = f"{path}/versions/{served.version}"
        found |= {f"{versioned}{one.label.removeprefix(path)}": one for one in same}
    return found


def _told(what: Mapping[str, object]) -> Handler:
    reply = Reply(200, encode(what))
    return lambda request: request.answer(reply)


def _model_ready(name: str, health: Health) -> Handler:
    reply = Reply(200, encode({"name": name, "ready": True}))

    def asked(request: Request) -> None:
        health.refuse_unless_ready()
        request.answer(reply)

    return asked


def _inferred(serving: Serving) -> Handler:
    served = serving.served

    def inferred(request: Request) -> None:
        header = request.headers.get(b"inference-header-content-length")
        asked = protocol.read(served, request.body, header)

        def rendered(results: Sequence[Array]) -> Reply:
            body, kind, headers = asked.respond(results)
            return Reply(200, body, kind, tuple(headers), asked.rows)

        deadline = _deadline(serving, request, asked.deadline_us)
        _submit(serving, request, asked.arrays, asked.rows, deadline, rendered)

    return inferred


def _predicted(serving: Serving, path: str) -> Handler:
    predictor = serving.predictor

    def predicted(request: Request) -> None:
        if predictor is None:
            raise Refused(404, f"no --signature was given here, so rows have no columns; {path}/infer takes tensors")
        arrays, rows = predictor.read(request.body)

        def rendered(results: Sequence[Array]) -> Reply:
            return Reply(200, predictor.render(results, rows), JSON, (), rows)

        _submit(serving, request, arrays, rows, _deadline(serving, request, None), rendered)

    return predicted


def _deadline(serving: Serving, request: Request, microseconds: int | None) -> float:
    """The moment by which the answer must be there: the server's, or the request's own where that is sooner."""
    seconds = serving.deadline_seconds or NEVER
    return request.begun + min(seconds, microseconds / 1e6 if microseconds else NEVER)


def _submit(
    serving: Serving,
    request: Request,
    arrays: Mapping[str, Array],
    rows: int,
    deadline: float,
    rendered: Callable[[Sequence[Array]], Reply],
) -> None:
    """Have the model compute, and the request answered with that."""
    if rows > serving.rows_limit:
        raise Refused(413, f"the request has {rows} rows, over the limit of {serving.rows_limit}: send fewer at a time")

    def done(results: Sequence[Array] | BaseException) -> None:
        try:
            if isinstance(results, BaseException):
                raise results  # noqa: TRY301
            reply = rendered(results)
        except Exception as error:  # noqa: BLE001  told in the log, answered with 500
            reply = of_error(error)
        request.answer(reply)

    serving.runner.submit(Job(arrays, rows, deadline, done, lambda: request.gone))
