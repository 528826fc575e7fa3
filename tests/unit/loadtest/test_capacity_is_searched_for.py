"""The search finds the knee of any server to its resolution, holds it, and says "at least" where the meter ends."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlagent.loadtest.capacity import HIGHEST, MOST_ATTEMPTS, Answer, Attempt, Outcome, Search, ends, judge


def searched(server: "Server", **given: float) -> Answer:
    search = Search(first=given.pop("first", 150.0), **given)  # type: ignore[arg-type]
    while (rate := search.rate) is not None:
        search = search.told(Attempt(rate=rate, outcome=server(rate), p99_ms=1.0, requests=1000))
        assert len(search.attempts) <= MOST_ATTEMPTS
    return search.answer


class Server:
    """It holds up to its knee; near it, by so much, it holds or not by chance; a meter ends at `meter`."""

    def __init__(self, knee: float, *, noise: float = 0.0, meter: float = math.inf, seed: int = 1) -> None:
        self.knee, self.noise, self.meter, self.random = knee, noise, meter, np.random.default_rng(seed)

    def __call__(self, rate: float) -> Outcome:
        if rate > self.meter:
            return "invalid"
        return "pass" if rate <= self.knee * (1 + self.noise * self.random.uniform(-1, 1)) else "fail"


@given(st.floats(1, 50_000), st.floats(1, 20_000), st.floats(1.2, 4), st.floats(0.01, 0.2))
def test_the_knee_is_found_to_the_resolution(knee: float, first: float, factor: float, resolution: float) -> None:
    if knee < first / 7:  # factor 4: from 1/16 on nothing is surely tried below
        return
    found = searched(Server(knee), first=first, factor=factor, resolution=resolution)
    if found.rate_per_second:
        assert knee / (1 + resolution) - 1e-6 <= found.rate_per_second <= knee
        assert not found.at_least


@given(st.floats(20, 20_000), st.floats(0, 0.2), st.integers(0, 1000))
def test_a_knee_with_noise_is_never_told_higher_than_it_can_be(knee: float, noise: float, seed: int) -> None:
    found = searched(Server(knee, noise=noise, seed=seed))
    assert found.rate_per_second <= knee * (1 + noise)
    assert found.rate_per_second >= knee * (1 - noise) / 1.06
    held = [one for one in found.attempts if one.rate == found.rate_per_second]
    assert [one.outcome for one in held] == ["pass"] * 4
    assert all(one.outcome == "pass" or one.rate > found.rate_per_second for one in found.attempts)


@given(st.floats(20, 20_000))
def test_where_the_meter_ends_it_is_at_least(end: float) -> None:
    found = searched(Server(math.inf, meter=end))
    assert found.at_least
    assert end / 1.05 - 1e-6 <= found.rate_per_second <= end


def test_an_end_of_the_server_just_below_the_meters_is_the_servers() -> None:
    assert not searched(Server(400, meter=500)).at_least


def test_a_server_without_end_is_asked_for_no_more_than_is_allowed() -> None:
    found = searched(Server(math.inf))
    assert (found.rate_per_second, found.at_least) == (HIGHEST, True)


def test_a_server_that_holds_nothing_holds_nothing() -> None:
    found = searched(Server(0.0))
    assert (found.rate_per_second, found.at_least) == (0.0, False)
    assert len(found.attempts) <= 6


def test_a_rate_that_does_not_hold_again_is_stepped_down_from() -> None:
    search, seen = Search(first=100, factor=2), []
    while (rate := search.rate) is not None:
        broken = len(search.attempts) == 7
        outcome: Outcome = "fail" if broken or rate > 150 else "pass"
        seen.append(rate)
        search = search.told(Attempt(rate=rate, outcome=outcome, p99_ms=None, requests=1))
    dropped = seen[7]
    assert seen[6] == dropped
    assert dropped / 1.06 < search.answer.rate_per_second < dropped


def test_what_was_found_is_held_against_what_is_wanted() -> None:
    held = Attempt(rate=200, outcome="pass", p99_ms=5, requests=2000)
    found = Answer(rate_per_second=200, at_least=False, attempts=(held,))
    assert (judge(found, 150).outcome, judge(found, 250).outcome) == ("pass", "fail")
    meter = Answer(rate_per_second=200, at_least=True, attempts=(held,))
    assert (judge(meter, 150).outcome, judge(meter, 250).outcome) == ("pass", "inconclusive")
    assert "at least 200 requests/s" in judge(meter, 250).reason
    lost = Answer(
        rate_per_second=0, at_least=False, attempts=(Attempt(rate=9, outcome="invalid", p99_ms=None, requests=1),)
    )
    assert judge(lost, 150).outcome == "inconclusive"
    one = judge(found, 150)
    assert (one.metric, one.value, one.comparison, one.threshold, one.unit) == (
        "capacity",
        200,
        ">=",
        150,
        "requests/s",
    )


def test_where_the_meter_ended_first_a_warning_says_by_what() -> None:
    held = Attempt(rate=200, outcome="pass", p99_ms=5, requests=2000)
    lost = Attempt(rate=400, outcome="invalid", p99_ms=90, requests=4000, why="all users were busy")
    (warned,) = ends(Answer(rate_per_second=200, at_least=True, attempts=(held, lost)))
    assert (warned.outcome, warned.value) == ("warn", 1)
    assert "at least 200 requests/s" in warned.reason
    assert "could not measure 400 requests/s: all users were busy" in warned.reason
    broken = Attempt(rate=300, outcome="fail", p99_ms=90, requests=4000)
    assert ends(Answer(rate_per_second=200, at_least=False, attempts=(held, lost, broken))) == []
