"""Counts answers while the load runs, at a cost that no request feels: classes of latency 2 % wide, never a list."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil, exp, log
from typing import Self

import msgspec

CLASSES = 50  # in which a latency grows to e times of it
_LEAST = 1e-6


class Tally:
    """What was answered so far: how many failed, and how many fell into each class of latency."""

    def __init__(self) -> None:
        """Nothing was answered."""
        self.answered, self.errors = 0, 0
        self._classes = Counter[int]()

    def add(self, latency: float, *, failed: bool) -> None:
        """Count an answer; seconds from when it was due."""
        self.answered += 1
        self.errors += failed
        self._classes[ceil(log(max(latency, _LEAST) / _LEAST) * CLASSES)] += 1

    def quantile(self, share: float) -> float | None:
        """Seconds within which `share` of all came, at most 2 % too high; None where nothing came."""
        wanted, seen = share * self.answered, 0
        for one in sorted(self._classes):
            seen += self._classes[one]
            if seen >= wanted:
                return _LEAST * exp(one / CLASSES)
        return None

    def told(self) -> "Told":
        """The same as a message."""
        return Told(answered=self.answered, errors=self.errors, classes=dict(self._classes))

    @classmethod
    def of(cls, parts: Iterable["Told"]) -> Self:
        """What several meters counted, together."""
        whole = cls()
        for one in parts:
            whole.answered += one.answered
            whole.errors += one.errors
            whole._classes.update(one.classes)
        return whole


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A tally on its way to another process."""

    answered: int
    errors: int
    classes: Mapping[int, int]
