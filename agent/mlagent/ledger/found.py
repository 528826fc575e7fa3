"""What is found wrong with a ledger, kept small however much is wrong: the first twenty faults and how many others."""

import hashlib

from mlagent.core.digest import ALGORITHM

MOST = 20
MOST_GAPS = 1000


class Found:
    """The first faults, in the order in which they were found, each with a key.

    A key names what is wrong and stays while that is so, however the ledger grows: who accepted it accepted nothing
    else.
    """

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self._first: list[tuple[str, str]] = []
        self._others, self._keys = 0, hashlib.sha256()

    def say(self, fault: str, key: str) -> None:
        """Keep it, or count it."""
        if len(self._first) < MOST:
            self._first.append((fault, key))
        else:
            self._others += 1
            self._keys.update(f"{key}\n".encode())

    def faults(self) -> tuple[str, ...]:
        """A sentence each; the last one says how many there are besides."""
        others = (f"and {self._others} more faults like these",) if self._others else ()
        return (*(fault for fault, _ in self._first), *others)

    def keys(self) -> tuple[str, ...]:
        """A key for each of `faults`; the last one stands for all that are not named."""
        others = (f"others {ALGORITHM}:{self._keys.hexdigest()}",) if self._others else ()
        return (*(key for _, key in self._first), *others)


class Gaps:
    """The numbers that were passed over, as ranges; of far too many it is only known that they are there."""

    def __init__(self) -> None:
        """No number was passed over yet."""
        self._ranges: list[tuple[int, int]] = []
        self._others = False

    def open(self, first: int, last: int) -> None:
        """These did not come where they should."""
        if len(self._ranges) < MOST_GAPS:
            self._ranges.append((first, last))
        else:
            self._others = True

    def fill(self, number: int) -> bool:
        """It came after all; False where it was not passed over."""
        for place, (first, last) in enumerate(self._ranges):
            if first <= number <= last:
                rest = [(first, number - 1), (number + 1, last)]
                self._ranges[place : place + 1] = [one for one in rest if one[0] <= one[1]]
                return True
        return self._others

    def said(self) -> list[str]:
        """A sentence for each range."""
        missing = [
            f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
            for first, last in self._ranges
        ]
        return [*missing, "entries are missing in many more places"] if self._others else missing
