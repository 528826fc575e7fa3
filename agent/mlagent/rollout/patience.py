"""A cluster that is away for a while: said when that begins and when it ends, and borne for so long."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from mlagent.errors import InfrastructureError

T = TypeVar("T")


class Patience:
    """Bears InfrastructureError for `seconds` since the last thing that worked."""

    def __init__(self, seconds: float, now: Callable[[], datetime], say: Callable[[str], None]) -> None:
        """Nothing has failed yet."""
        self._seconds, self._now, self._say = seconds, now, say
        self._since: datetime | None = None

    def bear(self, turn: Callable[[], T]) -> T | None:
        """What it gives; None where the cluster was away, InfrastructureError (20) where it was so for too long."""
        try:
            given = turn()
        except InfrastructureError as error:
            self._away(error)
            return None
        if self._since is not None:
            self._say(f"the cluster answers again, after {self._gone():.0f} s")
            self._since = None
        return given

    def _away(self, error: InfrastructureError) -> None:
        if self._since is None:
            self._since = self._now()
            self._say(f"{error.message}; waiting for it up to {self._seconds:g} s")
        if self._gone() >= self._seconds:
            raise error

    def _gone(self) -> float:
        return (self._now() - self._since).total_seconds() if self._since else 0.0
