"""Whether a 403 is a missing right: an API server that has just begun knows nobody's yet, and says the same.

While it reads its roles it refuses even `/readyz`, which it shows to everybody afterwards; then it says there for a
moment that it is not ready.
"""

from collections.abc import Callable
from typing import TypeVar

from kubernetes.client.exceptions import ApiException

from mlagent.adapters.kube import refusals
from mlagent.adapters.kube.refusals import Place, Tried

READY = "/readyz"
T = TypeVar("T")


class Rights:
    """Of one user at one API server; may be shared by threads. `look` is a GET of a path that raises for any no."""

    def __init__(self, place: Place, look: Callable[[str], object]) -> None:
        """Nothing is known yet."""
        self._place, self._look = place, look
        self._had: set[Tried] = set()

    def ask(self, tried: Tried, question: Callable[[], T]) -> T:
        """What it answers; InfrastructureError (20) for a 403 of a server that does not know our rights yet.

        Where it hides `/readyz` from us for good, only a right that we had before is taken to come again.
        """
        what = tried._replace(name="")
        try:
            answer = question()
        except ApiException as error:
            if not _missing(error):
                raise
            ready = self._ready()
            if ready is False or (ready is None and what in self._had):
                raise refusals.not_yet(self._place, tried) from None
            if ready is None:
                raise
            answer = question()  # it may have become ready between the two
        self._had.add(what)
        return answer

    def _ready(self) -> bool | None:
        """None where that is not said to us."""
        try:
            self._look(READY)
        except ApiException as error:
            if not error.status:
                raise
            return None if error.status in (401, 403, 404) else False
        return True


def _missing(error: ApiException) -> bool:
    """Whether the API server itself says that we may not; rules of admission have other words."""
    said = refusals.status(error.body) if error.status == 403 else None
    return said is not None and refusals.MAY_NOT in said.message
