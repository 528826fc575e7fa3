"""When each user asks, fixed before anything starts: a slow answer moves no later request."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlagent.loadtest.request import Arrivals, Piece

Seconds = npt.NDArray[np.float64]


def arrivals(*, users: int, pieces: Sequence[Piece], seed: int, kind: Arrivals = "poisson") -> Sequence[Seconds]:
    """Give for each user the ascending moments when it asks, in seconds from the common start.

    `poisson`: users are independent Poisson processes of the rate's part, together one of each piece's rate in its
    time. `constant`: all together ask at even distances, and users take turns. Moments are drawn in expected counts
    and stretched to the rates: the same seed gives the same moments, a longer schedule begins with the shorter one.
    """
    ends = np.cumsum([0.0, *(one.seconds for one in pieces)])
    counts = np.cumsum([0.0, *(one.seconds * one.rate_per_second for one in pieces)])  # how many are expected by then
    if kind == "constant":
        turns = np.arange(0.5, counts[-1])
        drawn = [turns[user::users] for user in range(users)]
    else:
        drawn = [_counted(np.random.default_rng([seed, user]), users, counts[-1]) for user in range(users)]
    return [_before(np.interp(one, counts, ends), ends[-1]) for one in drawn]


def pieces_of(moments: Seconds, pieces: Sequence[Piece]) -> npt.NDArray[np.int64]:
    """Give the piece, by its number, that each moment lies in."""
    ends = np.cumsum([one.seconds for one in pieces])
    return np.minimum(np.searchsorted(ends, moments, side="right"), len(pieces) - 1)


def _before(moments: Seconds, end: float) -> Seconds:
    """Without what rounding moved to the end itself."""
    return moments[moments < end]


def _counted(random: np.random.Generator, users: int, end: float) -> Seconds:
    """Sum exponential gaps until the end is passed; of all users together one falls into a unit."""
    block = int(end / users) + 16
    moments = np.cumsum(random.exponential(users, block))
    while moments[-1] < end:
        more = np.cumsum(random.exponential(users, block)) + moments[-1]
        moments = np.concatenate([moments, more])
    return moments[moments < end]
