"""Numbers that each process of a server writes in a block of its own, and any can sum: shared memory, no lock."""

import mmap
import os
from collections.abc import Sequence

BYTES = 8


class Counters:
    """`blocks` of `size` float64 each, from 0; whole numbers are exact up to 2**53."""

    def __init__(self, blocks: int, size: int, file: int | None = None) -> None:
        """Make them, or map those behind an open file (see `share`)."""
        self._size, self._blocks = size, blocks
        self._memory = mmap.mmap(-1 if file is None else file, blocks * size * BYTES)
        self._all = memoryview(self._memory).cast("d")

    def block(self, at: int) -> "memoryview[float]":
        """Give the numbers of one process, to be written."""
        return self._all[at * self._size : (at + 1) * self._size]

    def total(self) -> Sequence[float]:
        """Sum over all blocks."""
        every = [self.block(at) for at in range(self._blocks)]
        return [sum(one[at] for one in every) for at in range(self._size)]


def share(blocks: int, size: int) -> int:
    """Make a file in memory for Counters of several processes; it is gone with the last of them."""
    file = os.memfd_create("mlagent-counters", 0)
    os.ftruncate(file, blocks * size * BYTES)
    return file
