"""Resamples of rows as counts: how often each row is drawn, in blocks that fit the cache."""

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 20  # weights at a time: the memory that a resample needs does not grow with their number


def blocks(rows: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Multinomial counts (b, rows) of `rows` rows drawn with replacement; a seed always gives the same."""
    random = np.random.default_rng(seed)
    size = max(1, BLOCK // rows)
    for start in range(0, resamples, size):
        yield _counts(random, min(size, resamples - start), rows)


def _counts(random: np.random.Generator, resamples: int, rows: int) -> np.ndarray:
    counts = np.empty((resamples, rows), np.uint16)  # a row drawn more often than that is not seen in a lifetime
    for one in counts:
        one[:] = np.bincount(random.integers(0, rows, rows), minlength=rows)
    return counts
