"""A signal that arrived, remembered: the exception that its handler raises is lost where Python ignores exceptions.

Python runs a handler wherever the main thread is, so also within finalizers, whose exceptions are printed and dropped.
"""

from mlagent.errors import Interrupted

_arrived: list[int] = []


def arrived(number: int) -> None:
    """Remember it; called by the handler before it raises."""
    _arrived.append(number)


def check() -> None:
    """Raise Interrupted if a signal arrived; for where long work waits and between stages, never while tidying up."""
    if _arrived:
        raise Interrupted(_arrived[0])
