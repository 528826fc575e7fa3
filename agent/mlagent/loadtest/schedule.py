"""When each user asks, fixed before anything starts: a slow answer moves no later request."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]


def arrivals(*, users: int, rate_per_second: float, seconds: float, seed: int) -> Sequence[Seconds]:
    """Give for each user the ascending moments in [0, `seconds`) when it asks, in seconds from the common start.

    Users are independent Poisson processes of `rate_per_second / users`; together they are one of `rate_per_second`.
    The same seed gives the same moments, and a longer schedule begins with the shorter one.
    """
    mean_gap = users / rate_per_second
    return [_moments(np.random.default_rng([seed, user]), mean_gap, seconds) for user in range(users)]


def _moments(random: np.random.Generator, mean_gap: float, seconds: float) -> Seconds:
    """Sum exponential gaps until the end is passed."""
    block = int(seconds / mean_gap) + 16
    moments = np.cumsum(random.exponential(mean_gap, block))
    while moments[-1] < seconds:
        more = np.cumsum(random.exponential(mean_gap, block)) + moments[-1]
        moments = np.concatenate([moments, more])
    return moments[moments < seconds]
