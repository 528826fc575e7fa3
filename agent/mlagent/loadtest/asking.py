"""One connection to a server, kept: for what is asked one by one, before the load and after it."""

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from mlagent.errors import InputError
from mlagent.loadtest.request import Target

JSON = {"Content-Type": "application/json"}


class NoAnswerError(Exception):
    """Nobody listens, or the answer broke off or did not come in time."""


class Asking:
    """Asks what a target names; the bearer token of its file goes along."""

    def __init__(self, target: Target, timeout_seconds: float) -> None:
        """Connect with the first question."""
        self.url, self.token_file, parts = target.url, target.token_file, urlsplit(target.url)
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = token(target.token_file)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=timeout_seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        """Nothing is open yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._connection.close()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; NoAnswerError where none came."""
        return self.ask("POST", self.path, body)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer; NoAnswerError where none came."""
        headers = {**self._headers, **(JSON if body is not None else {})}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswerError(str(error) or type(error).__name__) from error


def token(file: str | None) -> Mapping[str, str]:
    """The header that a token's file makes; nothing without one. InputError (4) where it cannot be read."""
    if file is None:
        return {}
    try:
        found = Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the token's file {file} cannot be read: {error}", hint="name a file of one line") from error
    if not found or not found.isprintable():
        raise InputError(f"the token's file {file} holds no token", hint="it holds the token alone, in one line")
    return {"Authorization": f"Bearer {found}"}
