"""What is asked, a process or a container: where it answers, and how it stands meanwhile."""

import time
from typing import Protocol

import msgspec

from mlagent.core.ports.engine import Served
from mlagent.loadtest import startup
from mlagent.loadtest.standing import Standing

READING_SECONDS = 1.0
ENDING_SECONDS = 2.0
LINES = 2000
LONGEST = 300


class Place(Protocol):
    """`url` is empty where nothing can be asked; `poll` is called while it is under load."""

    url: str

    def poll(self) -> None:
        """Look at it."""

    def standing(self) -> Standing | None:
        """How it stands, where it is a container."""


class Process:
    """A process beside mlagent: whoever started it watches it."""

    def __init__(self, url: str) -> None:
        """It answers at `url`."""
        self.url = url

    def poll(self) -> None:
        """Nothing is read of it."""

    def standing(self) -> None:
        """Nothing is known of it."""


class Container:
    """A container that was just started: waits until it is ready, then reads its memory about once a second."""

    def __init__(self, served: Served, begun: Standing, seconds: float) -> None:
        """Wait, at most so many seconds; `begun` says what serves."""
        self._served, self._begun, self._peak, self._next = served, begun, 0.0, 0.0
        self._ready = startup.wait(served.metrics_url, self._running, seconds)
        self.url = served.url if self._ready is not None else ""

    def poll(self) -> None:
        """Read its memory, unless that was done just now."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + READING_SECONDS
            self._running()

    def standing(self) -> Standing:
        """How it stands now, with all that was read before; one that answers no more is given a moment to end."""
        if self._ready is not None:
            startup.wait(self._served.metrics_url, self._running, ENDING_SECONDS)
        state = self._served.state()
        said = [line for line in self._served.said(LINES) if line.strip()]
        return msgspec.structs.replace(
            self._begun,
            start_seconds=self._ready,
            memory_peak_mb=max(self._peak, state.memory_mb or 0.0) or None,
            exit_code=state.exit_code,
            out_of_memory=state.out_of_memory,
            last=said[-1].strip()[:LONGEST] if said else "",
        )

    def _running(self) -> bool:
        state = self._served.state()
        self._peak = max(self._peak, state.memory_mb or 0.0)
        return state.exit_code is None
