"""What of a profile falls due when: rates, lengths, whom they ask."""

from typing import Any

import msgspec
import pytest

from mlagent.loadtest.pieces import Profile, Shape, pieces
from mlagent.loadtest.request import Piece

PLAIN = Shape(
    rate=100, warmup_seconds=2, duration_seconds=10, soak_minutes=2.5, step_count=4, spike_factor=3, champion_rounds=3
)


def made(profile: Profile, *, beside: bool = False, **changes: Any) -> list[Piece]:
    return list(pieces(profile, msgspec.structs.replace(PLAIN, **changes), beside=beside))


def rates(found: list[Piece]) -> list[float]:
    return [one.rate_per_second for one in found]


@pytest.mark.parametrize("profile", ["steady", "step", "spike", "soak", "capacity"])
def test_the_warm_up_comes_first_at_the_first_rate_and_is_not_kept(profile: Profile) -> None:
    first, second, *_ = found = made(profile)
    assert (first.seconds, first.kept, first.label) == (2, False, "warm-up")
    assert first.rate_per_second == second.rate_per_second
    assert all(one.kept and one.label for one in found[1:])
    assert made(profile, warmup_seconds=0) == found[1:]


@pytest.mark.parametrize("profile", ["steady", "step", "spike", "capacity"])
def test_what_is_kept_lasts_as_long_as_is_set(profile: Profile) -> None:
    assert sum(one.seconds for one in made(profile) if one.kept) == pytest.approx(10)


def test_steps_rise_evenly_to_the_rate_that_is_promised() -> None:
    assert rates(made("step")[1:]) == [25, 50, 75, 100]


def test_a_spike_is_a_fifth_of_the_time_between_two_quiet_ones() -> None:
    found = made("spike")[1:]
    assert rates(found) == [100, 300, 100]
    assert [one.seconds for one in found] == [4, 2, 4]


def test_a_soak_goes_minute_by_minute_to_its_end() -> None:
    found = made("soak")[1:]
    assert [one.seconds for one in found] == [60, 60, 30]
    assert [one.label for one in found] == ["minute 1", "minute 2", "minute 3"]


def test_beside_a_champion_both_are_asked_as_long_in_turns_that_change_places() -> None:
    found = made("steady", beside=True)
    assert [one.target for one in found[:2]] == [0, 1]
    assert [one.kept for one in found[:2]] == [False, False]
    assert [one.target for one in found[2:]] == [0, 1, 1, 0, 0, 1]
    assert [one.label for one in found[2:4]] == ["candidate 1", "champion 1"]
    for target in (0, 1):
        assert sum(one.seconds for one in found[2:] if one.target == target) == pytest.approx(10)
