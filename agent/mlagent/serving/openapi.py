"""The OpenAPI 3.1 document of the model's port."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlagent.serving import schemas
from mlagent.serving.protocol import Served
from mlagent.serving.schemas import SIZES, Schema, closed
from mlagent.serving.signature import Signature

_JSON = "application/json"
_TEXT: Schema = {"type": "string"}
_ERROR: Schema = {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}
_FAULT = closed(
    {"row": {"type": "integer"}, "field": {"type": ["string", "null"]}, "message": _TEXT}, ["row", "field", "message"]
)
_ROW_ERRORS: Schema = {
    "type": "object",
    "properties": {"error": _TEXT, "errors": {"type": "array", "items": _FAULT}},
    "required": ["error"],
}
_BOTH: Mapping[str, str] = {
    "408": "The request did not come whole in time.",
    "414": "The target is too long.",
    "431": "The head is too long.",
    "500": "The server or the model failed; the server's log says why.",
    "503": "The server ends, or as many requests wait as may wait: ask again after Retry-After seconds.",
}
_POSTED: Mapping[str, str] = {
    "413": "The body is over the limit.",
    "415": "The body is compressed, which is not taken here.",
    "504": "The deadline passed before the model had answered.",
}
_BAD = "The request is not of the form; `error` says what, and what was expected."
_INFER = (
    "Tensors in, tensors out: the Open Inference Protocol v2. Each input is sent once, in any order; its data are flat "
    "and row-major, or nested as its shape. {free}\n\n"
    "The binary tensor extension is spoken too: the header Inference-Header-Content-Length says how many bytes of the "
    "body are this JSON, `parameters.binary_data_size` of an input how many of those after it are its elements "
    "(little-endian; BYTES with their length in four bytes before each), instead of `data`. Outputs come so where "
    "`binary_data` of the output or `binary_data_output` of the request is true."
)
_FREE = (
    "Where a shape is free (-1 in the metadata) any size from 1 on is taken; the sizes {sizes} are spelled out here, "
    "since JSON Schema cannot tie a shape to its data. Data that are not of their shape are answered with 400."
)


def document(
    served: Served, signature: Signature | None, server: str, *, body_limit: int, guarded: bool
) -> Mapping[str, Any]:
    """Describe all routes; `server` is the server's version, `guarded` whether callers must show a token."""
    security = {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}} if guarded else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": served.name,
            "version": served.version or "unknown",
            "description": f"One model, served by mlagent {server}. Bodies are taken up to {body_limit} bytes.",
        },
        "paths": _Paths(served, signature, guarded=guarded).made(),
        "components": {"schemas": {"Error": _ERROR, "RowErrors": _ROW_ERRORS}, "headers": _headers(), **security},
        **({"security": [{"bearer": []}]} if guarded else {}),
    }


class _Paths:
    """The routes of one model."""

    def __init__(self, served: Served, signature: Signature | None, *, guarded: bool) -> None:
        self._served, self._signature, self._guarded = served, signature, guarded

    def made(self) -> Mapping[str, Any]:
        served = self._served
        name, path = served.name, f"/v2/models/{served.name}"
        found = {
            "/v2/health/live": self._get("live", "Whether the process lives", _told(live=True), public=True),
            "/v2/health/ready": self._get("ready", "Whether requests are taken", _told(ready=True), public=True),
            "/v2": self._get("server", "The server", _server()),
            "/openapi.json": self._get("document", "This document", {"type": "object"}),
        }
        for at, mark in [(path, ""), (f"{path}/versions/{served.version}", "_of_version")][: 1 + bool(served.version)]:
            found[at] = self._get(f"model{mark}", "What the model takes and gives", _metadata(served))
            found[f"{at}/ready"] = self._get(
                f"model_ready{mark}", "Whether the model answers", _told(name=name, ready=True)
            )
            found[f"{at}/infer"] = self._infer(f"infer{mark}")
        if self._signature:
            found["/predict"] = self._predict(self._signature)
        return found

    def _get(self, operation: str, summary: str, schema: Schema, *, public: bool = False) -> Schema:
        made = {
            "operationId": operation,
            "summary": summary,
            "parameters": _asked(),
            "responses": {
                "200": self._response("The answer.", {_JSON: {"schema": schema}}),
                **self._refusals({**_BOTH, "400": "The request is no HTTP/1.1."}, public=public),
            },
        }
        return {"get": made | ({"security": []} if public and self._guarded else {})}

    def _infer(self, operation: str) -> Schema:
        served = self._served
        free = any(isinstance(size, str) for one in served.inputs for size in one.dimensions)
        about = _INFER.format(free=_FREE.format(sizes=", ".join(map(str, SIZES))) if free else "")
        good: Schema = {
            _JSON: {"schema": schemas.answer(served.name, served.version, served.outputs)},
            "application/octet-stream": {},
        }
        schema = schemas.request(served.inputs, served.outputs)
        return self._post(operation, "Answer tensors", about, {"schema": schema}, good, "Error")

    def _predict(self, signature: Signature) -> Schema:
        served = self._served
        about = "Rows of named columns in, a row of the model's outputs for each; all faults are named at once."
        body = {"schema": schemas.rows(signature.columns), "example": schemas.example(signature.columns)}
        good: Schema = {_JSON: {"schema": schemas.answered_rows(served.name, served.outputs)}}
        return self._post("predict", "Answer rows", about, body, good, "RowErrors")

    def _post(self, operation: str, summary: str, about: str, body: Schema, good: Schema, bad: str) -> Schema:
        made = {
            "operationId": operation,
            "summary": summary,
            "description": about,
            "parameters": _asked(),
            "requestBody": {"required": True, "content": {_JSON: body}},
            "responses": {
                "200": self._response("The answer.", good),
                "400": self._response(_BAD, _error(bad)),
                **self._refusals({**_BOTH, **_POSTED}),
            },
        }
        return {"post": made}

    def _refusals(self, described: Mapping[str, str], *, public: bool = False) -> Schema:
        found = {status: self._response(about, _error()) for status, about in described.items()}
        found["503"]["headers"]["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        if self._guarded and not public:
            found["401"] = self._response("The bearer token is missing, or another.", _error())
            found["401"]["headers"]["WWW-Authenticate"] = {"schema": _TEXT, "required": True}
        return found

    def _response(self, about: str, content: Schema) -> Schema:
        headers: Schema = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()}
        if self._served.version:
            headers["X-Model-Version"] = {"schema": {"const": self._served.version}, "required": True}
        return {"description": about, "headers": headers, "content": content}


def _headers() -> Schema:
    return {
        "X-Request-Id": {"schema": _TEXT, "required": True, "description": "The request's own, or one given here."},
        "Traceparent": {"schema": _TEXT, "description": "The request's own, where it was a valid one."},
    }


def _asked() -> Sequence[Schema]:
    return [
        {"name": "X-Request-Id", "in": "header", "schema": _TEXT, "description": "Told back, and written to the log."},
        {"name": "Traceparent", "in": "header", "schema": _TEXT, "description": "W3C Trace Context; told back."},
    ]


def _error(name: str = "Error") -> Schema:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _told(**constants: object) -> Schema:
    return closed({name: {"const": one} for name, one in constants.items()}, list(constants))


def _server() -> Schema:
    fields = {"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}}
    return closed(fields, list(fields))


def _metadata(served: Served) -> Schema:
    """What the metadata are: they never change, so they are spelled out."""
    told = served.metadata()
    return closed({name: {"const": one} for name, one in told.items()}, list(told))
