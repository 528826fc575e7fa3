"""The candidate beside what serves in production, on the same machine in turns: the ratio of percentiles (pure).

Rounds (one piece of each, one after the other) are drawn again as pairs, so what disturbed the machine in a round
disturbs both; the seed is fixed: the same samples give the same interval.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from mlagent.core.verdict import Check, Severity, check
from mlagent.loadtest.measured import SHARES, felt_ms
from mlagent.loadtest.quantiles import Floats
from mlagent.loadtest.request import Piece
from mlagent.loadtest.samples import Samples

METRIC = "{} against production"
JUDGED, SHOWN = "p99", "p50"
DRAWS, SEED, FEWEST = 1000, 1, 3
_Z = 1.959964  # the quantile 0.975 of the normal distribution


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """How many times the candidate's percentile is production's, with its 95 % interval, over so many rounds."""

    value: float
    low: float
    high: float
    rounds: int
    samples: int


def compare(samples: Samples, pieces: Sequence[Piece], ratio_max: float, *, timeout_seconds: float) -> Sequence[Check]:
    """Judge the ratio of the p99; that of the median only warns. None without a champion in the pieces."""
    pairs = list(_rounds(pieces))
    if not pairs:
        return []
    return [_judged(name, ratio(samples, pairs, SHARES[name], timeout_seconds), ratio_max) for name in (JUDGED, SHOWN)]


def ratio(samples: Samples, pairs: Sequence[tuple[int, int]], share: float, timeout_seconds: float) -> Ratio | None:
    """The ratio over rounds, each the numbers of two pieces; None where there are too few, or one was never asked."""
    sides = [_side(samples, [pair[side] for pair in pairs], timeout_seconds) for side in (0, 1)]
    rounds = len(pairs)
    if rounds < FEWEST or any(len(np.unique(numbers)) < rounds for _, numbers in sides):
        return None
    drawn = np.random.default_rng(SEED).multinomial(rounds, np.full(rounds, 1 / rounds), DRAWS)
    whole = np.ones((1, rounds), np.int64)
    new, old = (np.log(_quantiles(*side, share, np.concatenate([whole, drawn]))) for side in sides)
    logs = new - old
    spread = _student(rounds - 1) / _Z * math.sqrt(rounds / (rounds - 1))
    low, high = logs[0] + (np.quantile(logs[1:], (0.025, 0.975)) - logs[0]) * spread
    return Ratio(
        value=math.exp(logs[0]),
        low=math.exp(min(low, logs[0])),
        high=math.exp(max(high, logs[0])),
        rounds=rounds,
        samples=sum(len(numbers) for _, numbers in sides),
    )


def _rounds(pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """The numbers of the candidate's and the champion's piece of each round: the first with the first, and so on."""
    own, other = ([at for at, one in enumerate(pieces) if one.kept and one.target == target] for target in (0, 1))
    return zip(own, other, strict=False)


def _side(samples: Samples, numbers: Sequence[int], timeout_seconds: float) -> tuple[Floats, np.ndarray]:
    """All latencies of one side, sorted, each with its round."""
    rounds = np.full(max(int(samples["piece"].max(initial=0)), *numbers) + 1, -1)
    rounds[list(numbers)] = np.arange(len(numbers))
    found = rounds[samples["piece"]]
    waited, found = felt_ms(samples[found >= 0], timeout_seconds), found[found >= 0]
    order = np.argsort(waited, kind="stable")
    return np.maximum(waited[order], 1e-6), found[order]


def _quantiles(ordered: Floats, rounds: np.ndarray, share: float, counts: np.ndarray) -> Floats:
    """The quantile of each row of `counts`: how often each round was drawn."""
    found = []
    for times in counts:
        until = np.cumsum(times[rounds])
        found.append(ordered[np.searchsorted(until, math.ceil(share * (until[-1] - 1)), side="right")])
    return np.asarray(found, dtype=np.float64)


def _judged(name: str, found: Ratio | None, ratio_max: float) -> Check:
    metric = METRIC.format(name)
    if found is None:
        why = f"fewer than {FEWEST} rounds had requests of both"
        return check(metric, None, "<=", ratio_max, samples=0, samples_min=0, why=why, severity=_severity(name))
    ends = (found.low, found.high)
    one = check(metric, found.value, "<=", ratio_max, samples=found.samples, interval=ends, severity=_severity(name))
    if not found.low <= ratio_max < found.high:
        return one
    reason = (
        f"{metric} is not resolved: {found.value:.3g} times, between {found.low:.3g} and {found.high:.3g}, and"
        f" {ratio_max:.3g} is the limit ({found.rounds} rounds): a greater load-test.duration_seconds decides"
    )
    return msgspec.structs.replace(one, outcome="inconclusive" if name == JUDGED else "warn", reason=reason)


def _severity(name: str) -> Severity:
    return "fail" if name == JUDGED else "warn"


def _student(freedom: int) -> float:
    """The quantile 0.975 of Student's distribution, by the expansion of Cornish and Fisher (to 1 % from 3 on)."""
    z = _Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / freedom + second / freedom**2 + third / freedom**3 + fourth / freedom**4
