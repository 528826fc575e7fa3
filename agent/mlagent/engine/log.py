"""Speaks: text for people on a terminal, quiet timestamped lines elsewhere, JSON lines on request; secrets masked."""

import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog

from mlagent.config.redact import Redactor

Format = Literal["auto", "text", "lines", "json"]
BAR = 24
_BOUND = ("run", "stage", "attempt", "level", "timestamp", "event", "kind")


class EngineLog:
    """The Log port over structlog; `bind` adds what every later line carries."""

    def __init__(self, logger: Any, bar: TextIO | None, redactor: Redactor) -> None:  # noqa: ANN401 - structlog is untyped
        self._logger, self._bar, self._redactor = logger, bar, redactor

    def bind(self, **fields: object) -> "EngineLog":
        """The same log with more fields on every line."""
        return EngineLog(self._logger.bind(**fields), self._bar, self._redactor)

    def info(self, event: str, **fields: object) -> None:
        """Say something a person following along wants to know."""
        self._logger.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say something a person should look at."""
        self._logger.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Say why it ends here."""
        self._logger.error(event, **fields)

    def output(self, line: str) -> None:
        """Pass on a line of a child."""
        self._logger.info(line, kind="output")

    def progress(self, event: str, done: int, of: int, **fields: object) -> None:
        """Draw a bar that overwrites itself on a terminal; log a line elsewhere."""
        if self._bar is None:
            self._logger.info(f"{event} {done}/{of}", **fields)
            return
        filled = BAR * done // of
        said = "  ".join(f"{key} {value}" for key, value in fields.items())
        drawn = f"  {event} [{'#' * filled}{'.' * (BAR - filled)}] {done}/{of}  {said}"
        self._bar.write(f"\r\x1b[K{self._redactor.text(drawn)}")
        self._bar.write("\n" if done == of else "")
        self._bar.flush()


def open_log(form: Format, redactor: Redactor, stream: TextIO | None = None) -> EngineLog:
    """A log to `stream` (standard error unless given); `auto` is text on a terminal and lines elsewhere."""
    out = stream or sys.stderr
    terminal = out.isatty()
    chosen = form if form != "auto" else "text" if terminal else "lines"
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redaction(redactor),
            _RENDERERS[chosen],
        ],
        wrapper_class=structlog.BoundLogger,
    )
    return EngineLog(logger, out if terminal and chosen == "text" else None, redactor)


def _redaction(redactor: Redactor) -> Callable[[Any, str, MutableMapping[str, Any]], Mapping[str, Any]]:
    def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401
        return {key: redactor.deep(value) for key, value in event.items()}

    return redact


def _text(_logger: Any, _method: str, event: Mapping[str, Any]) -> str:  # noqa: ANN401
    mark = {"warning": "! ", "error": "✗ "}.get(event["level"], "")
    if event.get("kind") == "output":
        return f"  │ {event['event']}"
    return f"  {mark}{event['event']}{_rest(event)}" if event.get("stage") else f"{mark}{event['event']}{_rest(event)}"


def _line(_logger: Any, _method: str, event: Mapping[str, Any]) -> str:  # noqa: ANN401
    where = "/".join(str(event[key]) for key in ("run", "stage", "attempt") if key in event)
    bar = "| " if event.get("kind") == "output" else ""
    return (
        f"{event['timestamp'][:23]}Z {event['level'][:4].upper():4} {where or '-'} {bar}{event['event']}{_rest(event)}"
    )


def _rest(event: Mapping[str, Any]) -> str:
    return "".join(f"  {key}={value}" for key, value in event.items() if key not in _BOUND)


_RENDERERS: dict[str, Any] = {
    "text": _text,
    "lines": _line,
    "json": structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
}
