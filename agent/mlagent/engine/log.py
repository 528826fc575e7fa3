"""Speaks: text for people on a terminal, quiet timestamped lines elsewhere, JSON lines on request; secrets masked."""

import sys
from collections.abc import Callable, Mapping, MutableMapping
from functools import cache
from typing import Any, Literal, TextIO

from mlagent.config.redact import Redactor

Format = Literal["auto", "text", "lines", "json"]
BAR = 24
_BOUND = ("run", "stage", "attempt", "level", "timestamp", "event", "kind")


class EngineLog:
    """The Log port over structlog, which is opened at the first line: a run with nothing new says none."""

    def __init__(self, logger: Callable[[], Any], bar: TextIO | None, redactor: Redactor, **bound: object) -> None:
        """`bar` is the terminal on which progress is drawn; `bound` stands on every line."""
        self._logger, self._bar, self._redactor, self._bound = logger, bar, redactor, bound

    def bind(self, **fields: object) -> "EngineLog":
        """The same log with more fields on every line."""
        return EngineLog(self._logger, self._bar, self._redactor, **{**self._bound, **fields})

    def info(self, event: str, **fields: object) -> None:
        """Say something a person following along wants to know."""
        self._logger().info(event, **self._bound, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say something a person should look at."""
        self._logger().warning(event, **self._bound, **fields)

    def output(self, line: str) -> None:
        """Pass on a line of a child."""
        self.info(line, kind="output")

    def progress(self, event: str, done: int, of: int, **fields: object) -> None:
        """Draw a bar that overwrites itself on a terminal; log a line elsewhere."""
        if self._bar is None:
            self.info(f"{event} {done}/{of}", **fields)
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

    @cache
    def logger() -> Any:  # noqa: ANN401 - structlog's loggers are untyped
        import structlog

        json = structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)
        renderers: dict[str, Any] = {"text": _text, "lines": _line, "json": json}
        return structlog.wrap_logger(
            structlog.PrintLogger(out),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _redaction(redactor),
                renderers[chosen],
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
