"""Watches one meter process while it asks: how busy its thread was, and whether its clocks agreed."""

import time
from collections.abc import Callable

EVERY_SECONDS = 0.2
WINDOW_SECONDS = 1.0

Clock = Callable[[], float]


class Watch:
    """Told to look about five times a second, by the thread that asks.

    `wall` is the clock that people set, `steady` the one that schedules follow, which stands while a machine is
    suspended; `busy` is the time that this thread computed. All in seconds.
    """

    def __init__(
        self, *, wall: Clock = time.time, steady: Clock = time.perf_counter, busy: Clock = time.thread_time
    ) -> None:
        self._wall, self._steady, self._busy = wall, steady, busy
        self.begin()

    def begin(self) -> None:
        """Forget all that was seen; the load begins now."""
        self._apart, self.jump = self._drift(), 0.0
        self._first = self._window = (self._steady(), self._busy())
        self._highest = 0.0

    def look(self) -> None:
        """Read all clocks once more."""
        apart = self._drift()
        self.jump = max(self.jump, abs(apart - self._apart))
        self._apart = apart
        if self._steady() - self._window[0] >= WINDOW_SECONDS:
            self._highest = max(self._highest, self._share(self._window))
            self._window = (self._steady(), self._busy())

    @property
    def share(self) -> float:
        """Which part of one core the thread took since the beginning, 0 .. 1."""
        return self._share(self._first)

    @property
    def highest(self) -> float:
        """The part in the highest second; never less than the part on the whole."""
        return max(self._highest, self.share)

    def _drift(self) -> float:
        return self._wall() - self._steady()

    def _share(self, since: tuple[float, float]) -> float:
        lasted = self._steady() - since[0]
        return (self._busy() - since[1]) / lasted if lasted > 0 else 0.0
