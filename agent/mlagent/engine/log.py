"""Speaks: text for people on a terminal, quiet timestamped lines elsewhere, JSON lines on request; secrets masked."""

import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, TextIO

from mlagent.config.redact import Redactor

Format = Literal["auto", "text", "lines", "json"]
BAR = 24
MARKS = {"run": "▸", "resume": "▸", "reuse": "=", "skip": "-", "off": "-", "done": "✓"}
_BOUND = ("run", "stage", "attempt", "level", "timestamp", "event", "kind")


class Screen:
    """A terminal on which a line may be drawn over; a bar that is half-way is ended before anything else is said."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        """Nothing is drawn yet."""
        self._stream, self._redactor, self._half_way = stream, redactor, False

    def draw(self, line: str, *, ends: bool) -> None:
        """Draw over what is half-way; the next line goes below if this one `ends`."""
        self._stream.write(f"\r\x1b[K{self._redactor.text(line)}" + ("\n" if ends else ""))
        self._stream.flush()
        self._half_way = not ends

    def settle(self) -> None:
        """Leave a half-drawn line as it is, and go below it."""
        if self._half_way:
            self._stream.write("\n")
            self._half_way = False


class EngineLog:
    """The Log port over structlog, which is opened at the first line: a run with nothing new says none."""

    def __init__(self, logger: Callable[[], Any], screen: Screen | None, **bound: object) -> None:
        """`screen` is the terminal, if it is one; `bound` stands on every line."""
        self._logger, self._screen, self._bound = logger, screen, bound

    def bind(self, **fields: object) -> "EngineLog":
        """The same log with more fields on every line."""
        return EngineLog(self._logger, self._screen, **{**self._bound, **fields})

    def info(self, event: str, **fields: object) -> None:
        """Say something a person following along wants to know."""
        self._say("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say something a person should look at."""
        self._say("warning", event, fields)

    def output(self, line: str) -> None:
        """Pass on a line of a child."""
        self.info(line, kind="output")

    def progress(self, event: str, done: int, of: int, **fields: object) -> None:
        """Draw a bar that overwrites itself on a terminal; log a line elsewhere."""
        if self._screen is None:
            self.info(f"{event} {done}/{of}", **fields)
            return
        self._screen.draw(_bar(event, done, of, fields), ends=done == of)

    def underway(self, event: str, done: float, of: int, **fields: object) -> None:
        """Draw the same bar between two of its steps, on a terminal only."""
        if self._screen:
            self._screen.draw(_bar(event, round(done, 2), of, fields), ends=False)

    def stage(self, name: str, state: str, said: str, seconds: float | None = None) -> None:
        """Say where a stage is: its state, time and reason; one that is reused or off is shown on a terminal only."""
        if self._screen:
            took = "" if seconds is None else f"{seconds:.1f} s"
            self._screen.settle()
            self._screen.draw(f"{MARKS.get(state, '✗')} {name:<12} {state:<8} {took:>8}  {said}", ends=True)
        elif state == "done":
            self.info(said, seconds=seconds)
        elif seconds is not None:
            self.warning(f"{state}: {said}", seconds=seconds)
        elif state not in ("reuse", "off"):
            self.info(f"{state}: {said}")

    def _say(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        with suppress(OSError):  # that nobody can be told is no reason to stop
            if self._screen:
                self._screen.settle()
            getattr(self._logger(), level)(event, **self._bound, **fields)


def _bar(event: str, done: float, of: int, fields: Mapping[str, object]) -> str:
    filled = min(int(BAR * done / of), BAR)
    said = "  ".join(f"{key} {value}" for key, value in fields.items())
    return f"  {event} [{'#' * filled}{'.' * (BAR - filled)}] {done}/{of}  {said}"


def open_log(form: Format, redactor: Redactor, stream: TextIO | None = None) -> EngineLog:
    """A log to `stream` (standard error unless given); `auto` is text on a terminal and lines elsewhere."""
    out = stream or sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - it lives as long as the process
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

    return EngineLog(logger, Screen(out, redactor) if terminal and chosen == "text" else None)


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
