"""What a share that was counted says of the true one (Clopper-Pearson): exact, so that few observations claim little.

Source: C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
Biometrika 26 (1934).
"""

import math
from collections.abc import Callable

_TINY, _ENOUGH, _TERMS, _HALVINGS = 1e-300, 1e-15, 100_000, 200


def interval(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    """From where to where the share behind `hits` of `trials` may lie, 0 to 1; the whole range without a trial.

    `confidence` (0 to 1, exclusive) is at least how often such an interval holds the true share; half of the rest on
    either side. ValueError for more hits than trials.
    """
    if not 0 <= hits <= trials:
        message = f"{hits} of {trials} is no share"
        raise ValueError(message)
    rest = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _where(lambda share: tail(hits, trials, share), rest)
    high = 1.0 if hits == trials else _where(lambda share: tail(hits + 1, trials, share), 1 - rest)
    return low, high


def tail(hits: int, trials: int, share: float) -> float:
    """How likely `hits` or more of `trials` are, where each comes with this probability."""
    if hits <= 0:
        return 1.0
    if hits > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    return _beta(share, hits, trials - hits + 1)


def _where(rising: Callable[[float], float], wanted: float) -> float:
    """The share at which a rising function of it reaches a value, by halving, as exactly as a float tells."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, from the side on which its continued fraction is quick."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's way through the continued fraction (DLMF 8.17.22)."""
    before, now = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    found = now
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            now, before = 1 / _off_zero(1 + part * now), _off_zero(1 + part / before)
            found *= now * before
        if abs(now * before - 1) < _ENOUGH:
            break
    return found


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
