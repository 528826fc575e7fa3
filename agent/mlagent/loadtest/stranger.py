"""A server that we did not start: which model it has and what that takes, asked by the Open Inference Protocol v2."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from mlagent.errors import InfrastructureError, InputError
from mlagent.loadtest.asking import Asking, NoAnswerError

INDEX, OPENAPI = "/v2/repository/index", "/openapi.json"
SHOWN = 10
_INFER = re.compile(r".*/v2/models/([^/{}]+)/infer")


class Port(msgspec.Struct, frozen=True):
    """An input; a dimension of -1 is free."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Model(msgspec.Struct, frozen=True):
    """A model by the name in its routes."""

    name: str
    inputs: tuple[Port, ...] = ()


def model(asking: Asking, base: str, name: str | None) -> Model:
    """The model below the path `base`: the one that is named, or the only one; InputError (4), 20 when it is away."""
    name = name or _only(asking, base)
    body = _get(asking, f"{base}/v2/models/{quote(name, safe='')}", f"a model {name!r}")
    try:
        found = msgspec.json.decode(body, type=Model)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"what the server says of the model {name!r} is not of the protocol: {error}",
            hint="does it speak the Open Inference Protocol v2? --body FILE --url …/predict asks anything by POST",
        ) from error
    return msgspec.structs.replace(found, name=name)


def reach(asking: Asking, url: str) -> None:
    """InfrastructureError (20) where nothing at all answers there."""
    try:
        asking.ask("GET", "/v2/health/live")
    except NoAnswerError as error:
        raise away(url, error) from error


def away(url: str, error: NoAnswerError) -> InfrastructureError:
    """Nobody answers."""
    hint = "is it up, and is that its address? then give the same command again"
    return InfrastructureError(f"no server answers at {url}: {error}", hint=hint)


def _only(asking: Asking, base: str) -> str:
    names = _listed(asking, base) or _documented(asking, base)
    if len(names) == 1:
        return names[0]
    hint = "name it with --model NAME"
    if not names:
        raise InputError("the server does not say which models it has", hint=hint)
    raise InputError(f"the server has {len(names)} models: {', '.join(names[:SHOWN])}", hint=hint)


def _listed(asking: Asking, base: str) -> Sequence[str]:
    """The repository's index, where there is one; those that are not loaded cannot be asked."""
    status, body = _ask(asking, "POST", base + INDEX, b"{}")
    found = _document(body) if status == 200 else None
    entries = found.get("models") if isinstance(found, dict) else found
    return list(
        dict.fromkeys(
            str(one["name"])
            for one in entries or ()
            if isinstance(one, dict) and "name" in one and one.get("state", "READY") == "READY"
        )
    )


def _documented(asking: Asking, base: str) -> Sequence[str]:
    status, body = _ask(asking, "GET", base + OPENAPI)
    found = _document(body) if status == 200 else None
    paths = found.get("paths", {}) if isinstance(found, dict) else {}
    return list(dict.fromkeys(unquote(match[1]) for match in map(_INFER.fullmatch, paths) if match))


def _document(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON it is
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _ask(asking: Asking, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    try:
        return asking.ask(method, path, body)
    except NoAnswerError as error:
        raise away(asking.url, error) from error


def _get(asking: Asking, path: str, what: str) -> bytes:
    status, body = _ask(asking, "GET", path)
    if status == 200:
        return body
    if status in (401, 403):
        raise InputError(f"the server refuses who asks ({status})", hint="--token-file FILE holds the bearer token")
    if status >= 500:
        raise InfrastructureError(
            f"the server does not tell of {what} ({status})", hint="is it loaded yet? then give the same command again"
        )
    raise InputError(f"the server has not {what}: {path} answers {status}", hint="correct --model, or --url")
