"""The ways this server says no: to one request, with an HTTP status, or to start at all."""

from collections.abc import Mapping


class Refused(Exception):
    """A request that is answered with `status` and the sentence `str(self)`; `headers` and `more` JSON go along."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Keep what the client is told; the message must hold nothing that only the operator may know."""
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.answer = {"error": message, **(more or {})}


class CannotServe(Exception):
    """The model or the machine does not allow to start; `str(self)` says what to change."""
