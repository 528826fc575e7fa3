"""All connections of one process: how many there may be, what their bodies may weigh, and who is looked at again."""

from collections.abc import Callable
from typing import Protocol

from mlagent.serving.faults import Busy, Refused


class Member(Protocol):
    """A connection; `due` is when it wants to be looked at (perf_counter)."""

    due: float

    def expired(self, now: float) -> None:
        """That moment has come."""

    def end(self) -> None:
        """The server ends: leave, if nobody waits for an answer."""

    def cut(self) -> None:
        """The server's time is over."""


class Wanted(Protocol):
    """Whether requests are still wanted here."""

    ready: bool


class Crowd:
    """Whoever is connected; `held` are the bytes of bodies in memory, written by the connections."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        most: int = 4096,
        bytes_most: int = 256 << 20,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Let in `most` at a time, with bodies of `bytes_most` together; `told` hears how many are in."""
        self._told = told
        self._wanted, self._most, self._bytes_most = wanted, most, bytes_most
        self.members: set[Member] = set()
        self.held = 0

    def enter(self, one: Member) -> Refused | None:
        """Let one in; else the reason why not."""
        if len(self.members) >= self._most:
            return Busy(1, f"{self._most} clients are connected, as many as may be")
        self.members.add(one)
        self._told(len(self.members))
        return None

    def leave(self, one: Member) -> None:
        """It is gone."""
        self.members.discard(one)
        self._told(len(self.members))

    def room(self, more: int) -> bool:
        """Whether so many bytes more may be held."""
        return self.held + more <= self._bytes_most

    def wanted(self) -> bool:
        """Whether connections are to be kept."""
        return self._wanted.ready

    def sweep(self, now: float) -> None:
        """Look at everybody whose time has come."""
        for one in [one for one in self.members if one.due < now]:
            one.expired(now)
