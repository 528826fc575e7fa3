"""How long a registry that is away is waited for: longer once it has answered, and anew whenever work got on."""

import time
from collections.abc import Callable

from mlagent.adapters.oci_registry.refusals import Away
from mlagent.core import interrupt

SECONDS = 60.0  # of waiting for a registry that was there
FIRST_SECONDS = 3.0  # for one that never answered: its name may be wrong
SHORTEST, LONGEST = 0.5, 8.0
SLICE = 0.5
Pause = Callable[[float], None]
Notice = Callable[[str], None]


def sleep(seconds: float) -> None:
    """Sleep, but not through a signal that came in another thread."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        interrupt.check()
        time.sleep(min(left, SLICE))


class Patience:
    """What is left of it in one piece of work."""

    def __init__(self, limit: Callable[[], float], pause: Pause, notice: Notice) -> None:
        """Nothing was waited yet; `limit` is asked each time."""
        self._limit, self._pause, self._notice = limit, pause, notice
        self._waited, self._wait = 0.0, SHORTEST

    def after(self, away: Away) -> None:
        """Wait a while, longer each time; raises what it is given when there is no patience left."""
        wait = max(self._wait, away.seconds)
        if self._waited + wait > self._limit():
            raise away
        interrupt.check()
        if not self._waited:
            self._notice(f"{away.message}; trying again for up to {self._limit():g} seconds")
        self._pause(wait)
        self._waited += wait
        self._wait = min(2 * self._wait, LONGEST)

    def renew(self) -> None:
        """Work got on."""
        self._waited, self._wait = 0.0, SHORTEST
