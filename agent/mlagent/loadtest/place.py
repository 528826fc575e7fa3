"""What is asked, a process or a container: where it answers, and how it stands meanwhile."""

import threading
from typing import Protocol, Self

import msgspec

from mlagent.core.ports.engine import Served
from mlagent.loadtest import startup
from mlagent.loadtest.standing import Standing

READING_SECONDS = 0.2  # between readings of memory; a reading itself may take a second
ENDING_SECONDS = 2.0
LINES = 2000
LONGEST = 300


class Place(Protocol):
    """`url` is empty where nothing can be asked."""

    url: str

    def standing(self) -> Standing | None:
        """How it stands, where it is a container."""


class Process:
    """A process beside mlagent: whoever started it watches it."""

    def __init__(self, url: str) -> None:
        """It answers at `url`."""
        self.url = url

    def standing(self) -> None:
        """Nothing is known of it."""


class Container:
    """A container that was just started: waits until it is ready; reads its memory while the block lasts."""

    def __init__(self, served: Served, begun: Standing) -> None:
        """`begun` says what serves."""
        self._served, self._begun, self._peak = served, begun, 0.0
        self._ready: float | None = None
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        """Begin to read."""
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read no more."""
        self._over.set()
        self._reader.join(ENDING_SECONDS)

    def wait(self, seconds: float) -> None:
        """Wait until it is ready, at most so long; then it has a URL."""
        self._ready = startup.wait(self._served.metrics_url, self._running, seconds)
        self.url = self._served.url if self._ready is not None else ""

    def standing(self) -> Standing:
        """How it stands now, with all that was read before; one that answers no more is given a moment to end."""
        if self._ready is not None:
            startup.wait(self._served.metrics_url, self._running, ENDING_SECONDS)
        state = self._served.state()
        said = [line for line in self._served.said(LINES) if line.strip()]
        return msgspec.structs.replace(
            self._begun,
            start_seconds=self._ready,
            memory_peak_mb=self._peak or None,
            exit_code=state.exit_code,
            out_of_memory=state.out_of_memory,
            last=said[-1].strip()[:LONGEST] if said else "",
        )

    def _running(self) -> bool:
        return self._served.state().exit_code is None

    def _read(self) -> None:
        while not self._over.is_set():
            self._peak = max(self._peak, self._served.memory_mb() or 0.0)
            self._over.wait(READING_SECONDS)
