"""Which path is answered by what: the model's port, and the one for those who watch."""

from collections.abc import Callable, Mapping, MutableSequence, Sequence
from typing import Any, NamedTuple

from mlagent import __version__
from mlagent.serving import protocol
from mlagent.serving.execution import Job, Runner
from mlagent.serving.faults import Refused
from mlagent.serving.message import JSON, Reply, Request, encode, of_error
from mlagent.serving.metadata import Array
from mlagent.serving.metrics import CONTENT_TYPE
from mlagent.serving.predict import Predictor

LIVE, READY, PREDICT, METRICS, OPENAPI = "/v2/health/live", "/v2/health/ready", "/predict", "/metrics", "/openapi.json"
MODELS = "/v2/models/"
NEVER = float("inf")
Handler = Callable[[Request], None]


class Route(NamedTuple):
    """What answers a path; it is counted under its `label`, and shown to bearers of the token alone where `guarded`."""

    method: str
    handler: Handler
    label: str
    guarded: bool = True


class Health:
    """Whether requests are still wanted: said by whoever ends the server, to all processes that share the `flag`."""

    def __init__(self, flag: "MutableSequence[float] | memoryview[float] | None" = None) -> None:
        """Ready from the start, as nobody can ask before the server listens; or as the flag of others says."""
        self._flag: Any = [1.0] if flag is None else flag

    @property
    def ready(self) -> bool:
        """Whether to send requests here."""
        return bool(self._flag[0])

    @ready.setter
    def ready(self, wanted: bool) -> None:
        self._flag[0] = float(wanted)

    def live(self, request: Request) -> None:
        """Answer as long as there is a process."""
        request.answer(Reply(200, b'{"live":true}'))

    def asked(self, request: Request) -> None:
        """Answer whether to send requests here; Refused (503) when they should go elsewhere."""
        self.refuse_unless_ready()
        request.answer(Reply(200, b'{"ready":true}'))

    def refuse_unless_ready(self) -> None:
        """Refused (503) when requests should go elsewhere."""
        if not self.ready:
            raise Refused(503, "this server takes no requests now: ask another", {"retry-after": "1"}, {"ready": False})


class Serving(NamedTuple):
    """What the model's port answers with; `deadline_seconds` 0 sets none."""

    served: protocol.Served
    runner: Runner
    predictor: Predictor | None
    document: Mapping[str, object]
    deadline_seconds: float = 0.0


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


def labels(name: str) -> Sequence[str]:
    """What requests of the model's port are counted under."""
    path = f"{MODELS}{name}"
    return (LIVE, READY, PREDICT, OPENAPI, "/v2", path, f"{path}/ready", f"{path}/infer")


def of_watch(health: Health, metrics: Callable[[], str]) -> Mapping[str, Route]:
    """Health and metrics."""
    kind = CONTENT_TYPE.encode()
    return {
        LIVE: Route("GET", health.live, LIVE),
        READY: Route("GET", health.asked, READY),
        METRICS: Route("GET", lambda request: request.answer(Reply(200, metrics().encode(), kind)), METRICS),
    }


def find(routes: Mapping[str, Route], method: str, path: str) -> Route:
    """The route of a request; Refused (404, 405) says what there is instead."""
    route = routes.get(path)
    if route is None:
        raise Refused(404, _unknown(routes, path))
    if method != route.method and (method, route.method) != ("HEAD", "GET"):
        allowed = "GET, HEAD" if route.method == "GET" else route.method
        raise Refused(405, f"{path} takes {route.method}, not {method}", {"allow": allowed})
    return route


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
        _submit(serving.runner, request, asked.arrays, asked.rows, deadline, rendered)

    return inferred


def _predicted(serving: Serving, path: str) -> Handler:
    predictor = serving.predictor

    def predicted(request: Request) -> None:
        if predictor is None:
            raise Refused(404, f"no --signature was given here, so rows have no columns; {path}/infer takes tensors")
        arrays, rows = predictor.read(request.body)

        def rendered(results: Sequence[Array]) -> Reply:
            return Reply(200, predictor.render(results, rows), JSON, (), rows)

        _submit(serving.runner, request, arrays, rows, _deadline(serving, request, None), rendered)

    return predicted


def _deadline(serving: Serving, request: Request, microseconds: int | None) -> float:
    """The moment by which the answer must be there: the server's, or the request's own where that is sooner."""
    seconds = serving.deadline_seconds or NEVER
    return request.begun + min(seconds, microseconds / 1e6 if microseconds else NEVER)


def _submit(
    runner: Runner,
    request: Request,
    arrays: Mapping[str, Array],
    rows: int,
    deadline: float,
    rendered: Callable[[Sequence[Array]], Reply],
) -> None:
    """Have the model compute, and the request answered with that."""

    def done(results: Sequence[Array] | BaseException) -> None:
        try:
            if isinstance(results, BaseException):
                raise results  # noqa: TRY301
            reply = rendered(results)
        except Exception as error:  # noqa: BLE001  told in the log, answered with 500
            reply = of_error(error)
        request.answer(reply)

    runner.submit(Job(arrays, rows, deadline, done, lambda: request.gone))


def _unknown(routes: Mapping[str, Route], path: str) -> str:
    mine = next(filter(None, map(_model, routes)), "")
    asked = _model(path)
    if mine and asked and asked != mine:
        return f"there is no model {asked!r} here; this server has {mine!r}"
    if mine and asked:
        versions = [one for one in routes if "/versions/" in one and one.endswith("/infer")]
        has = f"it has {versions[0].split('/')[-2]}" if versions else "it has no version"
        return f"there is nothing at {path}; of model {mine!r} {has}; here are {', '.join(routes)}"
    return f"there is nothing at {path}; here are {', '.join(routes)}"


def _model(path: str) -> str:
    """The model's name in a path; nothing where there is none."""
    return path.removeprefix(MODELS).partition("/")[0] if path.startswith(MODELS) else ""
