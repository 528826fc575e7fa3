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


class Busy(Refused):
    """More waits than may wait (503): whoever asks is told after how many whole seconds to ask again."""

    def __init__(self, retry_after: int, why: str = "as many requests wait as may wait") -> None:
        """Say why, and when there will be room."""
        super().__init__(503, f"{why}: ask again after {retry_after} s", {"retry-after": str(retry_after)})


class Late(Refused):
    """The deadline passed before the answer was there (504)."""

    def __init__(self) -> None:
        """Say it."""
        super().__init__(504, "the deadline of this request passed before the model had answered")


class Gone(Exception):
    """The client left: nobody waits for the answer."""


class CannotServe(Exception):
    """The model or the machine does not allow to start; `str(self)` says what to change."""
