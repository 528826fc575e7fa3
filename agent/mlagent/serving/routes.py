"""What a route is, how one is found, and those that are answered without a model: health and metrics."""

from collections.abc import Callable, Mapping, MutableSequence, Sequence
from typing import Any, NamedTuple

from mlagent.serving.faults import Refused
from mlagent.serving.message import Reply, Request
from mlagent.serving.metrics import CONTENT_TYPE

LIVE, READY, PREDICT, METRICS, OPENAPI = "/v2/health/live", "/v2/health/ready", "/predict", "/metrics", "/openapi.json"
MODELS = "/v2/models/"
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
