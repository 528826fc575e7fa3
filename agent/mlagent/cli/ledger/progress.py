"""A bar for who waits at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

Told = Callable[[int, int], None]
LONG = 100_000  # entries; fewer are read before anybody waits


@contextmanager
def progress(*, quiet: bool) -> Iterator[Told | None]:
    """Hears how many entries were read, of how many; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as ends:
        yield _bar(ends)


def _bar(ends: ExitStack) -> Told:
    """One that is drawn once it is seen to take long."""
    made: list[Any] = []

    def told(done: int, of: int) -> None:
        if of < LONG:
            return
        if not made:
            made.append(ends.enter_context(click.progressbar(length=of, label="reading the ledger", file=sys.stderr)))
        made[0].length = of
        made[0].update(done - made[0].pos)

    return told
