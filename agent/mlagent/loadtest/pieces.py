"""A profile as pieces: at which rate requests fall due when, and whom they ask (pure)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from mlagent.loadtest.request import Piece

Profile = Literal["steady", "step", "spike", "soak", "capacity"]
MINUTE = 60.0
CANDIDATE, CHAMPION = 0, 1  # places in the request's targets
NAMES = ("candidate", "champion")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile is made from; `rate` is a second, and what the service level promises."""

    rate: float
    warmup_seconds: float
    duration_seconds: float
    soak_minutes: float
    step_count: int
    spike_factor: float
    champion_rounds: int


def pieces(profile: Profile, shape: Shape, *, beside: bool = False) -> Sequence[Piece]:
    """The pieces of a profile; with `beside`, a steady load goes to candidate and champion in turn, to each as long."""
    targets = (CANDIDATE, CHAMPION) if beside else (CANDIDATE,)
    made = _alternating(shape) if beside else _PROFILES[profile](shape)
    if not shape.warmup_seconds:
        return made
    warm = Piece(seconds=shape.warmup_seconds, rate_per_second=made[0].rate_per_second, kept=False, label="warm-up")
    return [*(msgspec.structs.replace(warm, target=one) for one in targets), *made]


def _steady(shape: Shape) -> Sequence[Piece]:
    return [Piece(seconds=shape.duration_seconds, rate_per_second=shape.rate, label="steady")]


def _step(shape: Shape) -> Sequence[Piece]:
    """Rise to the rate in equal steps: where the service level breaks on the way there shows in which one."""
    each, count = shape.duration_seconds / shape.step_count, shape.step_count
    return [
        Piece(seconds=each, rate_per_second=shape.rate * number / count, label=f"step {number}")
        for number in range(1, count + 1)
    ]


def _spike(shape: Shape) -> Sequence[Piece]:
    """Two fifths before, one fifth at the multiple, two fifths after: whether it is borne, and what it leaves."""
    fifth, high = shape.duration_seconds / 5, shape.rate * shape.spike_factor
    return [
        Piece(seconds=2 * fifth, rate_per_second=shape.rate, label="before"),
        Piece(seconds=fifth, rate_per_second=high, label="spike"),
        Piece(seconds=2 * fifth, rate_per_second=shape.rate, label="after"),
    ]


def _soak(shape: Shape) -> Sequence[Piece]:
    """Minute by minute, so that what grows slowly is seen."""
    whole, rest = divmod(shape.soak_minutes * MINUTE, MINUTE)
    lasts = [MINUTE] * int(whole) + ([rest] if rest > 0 else [])
    return [
        Piece(seconds=one, rate_per_second=shape.rate, label=f"minute {number}")
        for number, one in enumerate(lasts, start=1)
    ]


def _alternating(shape: Shape) -> Sequence[Piece]:
    """A B, B A, A B …: what disturbs the node for a while, or more and more, disturbs both."""
    each = shape.duration_seconds / shape.champion_rounds
    return [
        Piece(seconds=each, rate_per_second=shape.rate, target=target, label=f"{NAMES[target]} {number + 1}")
        for number in range(shape.champion_rounds)
        for target in ((CANDIDATE, CHAMPION) if number % 2 == 0 else (CHAMPION, CANDIDATE))
    ]


_PROFILES: Mapping[Profile, Callable[[Shape], Sequence[Piece]]] = {
    "steady": _steady,
    "step": _step,
    "spike": _spike,
    "soak": _soak,
    "capacity": _steady,
}
