"""The highest rate that holds the service level: rise until it breaks, halve the gap, hold what was found (pure)."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from mlagent.core.verdict import Check, check

METRIC, UNSENT = "capacity", "rates that the meter could not measure"
HIGHEST, LOWEST_PART, MOST_ATTEMPTS = 100_000.0, 32.0, 100

Outcome = Literal["pass", "fail", "inconclusive", "invalid"]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One load at one rate (requests a second), and how the service level was judged; `p99_ms` None without any.

    `why` it was invalid.
    """

    rate: float
    outcome: Outcome
    p99_ms: float | None
    requests: int
    why: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The rate that held each time (requests a second), 0 where none did, with all the evidence.

    `at_least`: what is above it could not be measured by this meter, or was not asked for; the server may hold more.
    """

    rate_per_second: float
    at_least: bool
    attempts: tuple[Attempt, ...]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Begins at `first`, rises by `factor`, ends where the gap is at most the part `resolution` of the rate.

    What was found must hold `repeats` times more. All that is known is in the attempts: a rate is too high from the
    lowest one on that did not pass, whatever passed above it.
    """

    first: float
    factor: float = 2.0
    resolution: float = 0.05
    repeats: int = 3
    attempts: tuple[Attempt, ...] = ()

    @property
    def rate(self) -> float | None:
        """What to try next, in requests a second; None when it is over."""
        low, high = self._held, self._broken
        if not self.attempts:
            return min(self.first, HIGHEST)
        if len(self.attempts) >= MOST_ATTEMPTS:
            return None
        if not low:
            lower = high / self.factor
            return lower if lower >= self.first / LOWEST_PART else None
        if math.isinf(high) and low < HIGHEST:
            return min(low * self.factor, HIGHEST)
        if math.isfinite(high) and high / low > 1 + self.resolution:
            return math.sqrt(low * high)
        return low if self._passes(low) <= self.repeats else None

    def told(self, attempt: Attempt) -> "Search":
        """The search after one more attempt."""
        return msgspec.structs.replace(self, attempts=(*self.attempts, attempt))

    @property
    def answer(self) -> Answer:
        """What was found so far: the highest rate below all that broke, where it held often enough."""
        held = self._held if self._passes(self._held) > self.repeats else 0.0
        ends = {one.outcome for one in self.attempts if one.rate == self._broken}
        return Answer(rate_per_second=held, at_least=bool(held) and ends <= {"invalid"}, attempts=self.attempts)

    @property
    def _broken(self) -> float:
        return min((one.rate for one in self.attempts if one.outcome != "pass"), default=math.inf)

    @property
    def _held(self) -> float:
        below = self._broken
        return max((one.rate for one in self.attempts if one.outcome == "pass" and one.rate < below), default=0.0)

    def _passes(self, rate: float) -> int:
        return sum(one.rate == rate and one.outcome == "pass" for one in self.attempts)


def judge(answer: Answer, wanted: float) -> Check:
    """Hold what was found against the rate that is wanted; a meter that ends below it says nothing."""
    requests = sum(one.requests for one in answer.attempts)
    held = answer.rate_per_second
    one = check(METRIC, held, ">=", wanted, unit="requests/s", samples=requests)
    if answer.at_least:
        more = f"{METRIC} is at least {held:.4g} requests/s: this meter cannot measure a higher rate"
        return msgspec.structs.replace(one, outcome="pass" if held >= wanted else "inconclusive", reason=more)
    if not held and not any(one.outcome == "fail" for one in answer.attempts):
        said = f"{METRIC} could not be measured: no rate held, and none was surely too high"
        return msgspec.structs.replace(one, outcome="inconclusive", reason=said)
    return one


def ends(answer: Answer) -> Sequence[Check]:
    """Warn where the meter ended before the server did, and say by what."""
    lost = [one for one in answer.attempts if one.outcome == "invalid" and one.rate > answer.rate_per_second]
    if not (answer.at_least and lost):
        return []
    lowest = min(lost, key=lambda one: one.rate)
    said = (
        f"{METRIC} is at least {answer.rate_per_second:.4g} requests/s, the server may hold more: the meter could not"
        f" measure {lowest.rate:.4g} requests/s" + (f": {lowest.why}" if lowest.why else "")
    )
    one = check(UNSENT, len(lost), "<=", 0, samples=len(answer.attempts), severity="warn")
    return [msgspec.structs.replace(one, reason=said)]
