"""Quantiles as values that were seen, and how sure they are: no assumption about how latencies are spread.

The interval is exact for independent samples: how many of them lie below a quantile is binomial. Requests that follow
each other are not independent (one stall delays many), so time is cut into BLOCKS, and the share beyond the quantile
may scatter more from block to block than chance alone would have it: by that factor fewer samples count. Batch means
were chosen before a bootstrap of blocks because they need no seed, cost one pass, and give the exact interval back
where samples are independent; the few blocks are paid for by Student's t. Blocks hold equally many requests, so pauses
between them do not count.
"""

import math

import msgspec
import numpy as np
import numpy.typing as npt

LEVEL, BLOCKS = 0.95, 20
_Z, _T = 1.959964, 2.093024  # of the normal and, for BLOCKS - 1 degrees of freedom, Student's distribution
_NOTHING = 1e-9  # a difference of shares that is rounding
_WIDE = 14  # standard deviations beyond which nothing of a binomial is left in a float

Floats = npt.NDArray[np.float64]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A quantile (in the unit of the values) with its interval; `high` is the highest value seen where none is sure.

    `samples` were seen, which are `worth` as many independent ones; `sure` is how sure it is that the quantile is not
    above `high`: 0.975 for an interval of 95 %, less where there are too few samples for one.
    """

    value: float
    low: float
    high: float
    samples: int
    worth: float
    sure: float


def estimate(moments: Floats, values: Floats, share: float) -> Estimate | None:
    """The quantile of `share` (0 .. 1) of values by when they were due; None without any."""
    count = len(values)
    if not count:
        return None
    ordered = np.sort(values)
    value = float(ordered[math.ceil(share * (count - 1))])
    worth = count / dependence(moments, values >= value)
    whole = max(1, math.floor(worth))
    low, high = ranks(whole, share)
    below = math.floor(low / whole * count) if low is not None else 0
    above = math.floor((whole - 1 - high) / whole * count) if high is not None else 0
    return Estimate(
        value=value,
        low=float(ordered[below]),
        high=float(ordered[count - 1 - above]),
        samples=count,
        worth=worth,
        sure=1 - (1 - LEVEL) / 2 if high is not None else 1 - share**whole,
    )


def ranks(count: int, share: float, level: float = LEVEL) -> tuple[int | None, int | None]:
    """Between which places (from 0, of `count` sorted independent values) the quantile lies, each end by itself.

    An end is None where even the outermost value is not surely beyond it.
    """
    first, mass = _binomial(count, share)
    tail, until = (1 - level) / 2, np.cumsum(mass)
    under = int(np.searchsorted(until, tail, side="right")) + first - 1  # so many lie below it, or fewer: unlikely
    over = int(np.searchsorted(until, 1 - tail, side="left")) + first  # more than so many lie below it: unlikely
    return (under if under >= 0 else None), (over if over < count else None)


def least(share: float, level: float = LEVEL, *, two_sided: bool = True) -> int:
    """How many independent samples it takes until both ends (or the upper one alone, at the whole level) exist."""
    tail = (1 - level) / (2 if two_sided else 1)
    far = max(share, 1 - share) if two_sided else share
    return math.ceil(math.log(tail) / math.log(far))


def dependence(moments: Floats, beyond: npt.NDArray[np.bool_]) -> float:
    """How many times more the share of `beyond` scatters than that of independent samples, at least 1."""
    count = len(beyond)
    share = float(beyond.mean()) if count else 0.0
    if count < 2 * BLOCKS or share in (0.0, 1.0):
        return 1.0
    parts = np.array_split(beyond[np.argsort(moments, kind="stable")], BLOCKS)
    apart = sum(float(part.sum() - share * len(part)) ** 2 for part in parts)
    seen = BLOCKS / (BLOCKS - 1) * apart / count**2
    return max(1.0, seen / (share * (1 - share) / count) * (_T / _Z) ** 2)


def needed(moments: Floats, values: Floats, share: float, limit: float) -> float:
    """About how many such requests would decide whether the quantile is above `limit`; inf where it lies there."""
    beyond = values > limit
    depends = dependence(moments, beyond)
    apart = abs(float(beyond.mean()) - (1 - share))
    enough = (_Z / apart) ** 2 * share * (1 - share) if apart > _NOTHING else math.inf
    return depends * max(enough, least(share))


def _binomial(count: int, share: float) -> tuple[int, Floats]:
    """The probabilities of first, first + 1 … hits of `count`; beyond these they are 0 in a float."""
    middle, spread = count * share, math.sqrt(count * share * (1 - share))
    first = max(0, math.floor(middle - _WIDE * spread - _WIDE))
    last = min(count, math.ceil(middle + _WIDE * spread + _WIDE))
    hits = np.arange(first + 1, last + 1, dtype=np.float64)
    steps = np.log((count - hits + 1) / hits) + math.log(share / (1 - share))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    mass = np.exp(logs - logs.max())
    return first, mass / mass.sum()
