"""What was in an environment at a time, what it replaced, why and on what evidence; held against a plain list."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.ports.ledger import Entry, Fact, What
from mlagent.ledger import history
from tests.proofs_house import House, fact, moment

IMAGE, NETWORK, OTHER = (f"sha256:{name * 64}" for name in "abc")


def written(*facts: Fact) -> House:
    """A ledger with these facts."""
    house = House()
    for one in facts:
        house.ledger.append(one)
    return house


def numbers(entries: Sequence[Entry]) -> list[int]:
    return [one.number for one in entries]


def test_nothing_was_there_before_anything_was_promoted() -> None:
    house = written(fact(5, what="data-accepted"), fact(6), fact(7, environment="production"))
    assert history.at(house.ledger, "risk", "staging", moment(5.9)) is None
    assert history.at(house.ledger, "risk", "production", moment(6.5)) is None
    assert history.at(house.ledger, "fraud", "staging", moment(99)) is None
    assert history.at(House().ledger, "risk", "staging", moment(99)) is None


def test_a_move_is_in_force_from_its_own_moment_until_the_next() -> None:
    house = written(fact(5), fact(8))
    asked = {second: history.at(house.ledger, "risk", "staging", moment(second)) for second in (5, 7.999, 8, 99)}
    assert {second: one and one.entry.number for second, one in asked.items()} == {5: 1, 7.999: 1, 8: 2, 99: 2}


def test_what_it_replaced_is_the_last_other_release() -> None:
    again = {"release": IMAGE}
    house = written(fact(1, release=OTHER), fact(2, **again), fact(3, **again))
    there = history.at(house.ledger, "risk", "staging", moment(9))
    assert there
    assert (there.entry.number, there.replaced and there.replaced.number) == (3, 1)


def test_a_rollback_is_a_move_and_says_why() -> None:
    back = fact(3, what="rolled-back", release=OTHER, build=1, details={"reason": "too slow", "from_build": "2"})
    house = written(fact(1, release=OTHER), fact(2, release=IMAGE), back)
    there = history.at(house.ledger, "risk", "staging", moment(9))
    assert there
    assert there.entry.fact == back
    assert there.replaced
    assert there.replaced.fact.release == IMAGE
    assert numbers(there.evidence) == [1, 3]


def test_evidence_is_all_that_was_said_about_the_release_up_to_then_under_any_of_its_names() -> None:
    run = {"run": "r1", "environment": ""}
    house = written(
        fact(0, what="data-accepted", release=OTHER, run="r1", environment=""),
        fact(1, what="verdict", release=NETWORK, run="r0", environment=""),
        fact(2, what="verdict", release=NETWORK, run="r2", environment=""),
        fact(3, what="verdict", release=OTHER, run="r3", environment=""),
        fact(4, what="verdict", release=IMAGE, run="r1", environment=""),
        fact(4, what="verdict", release=NETWORK, run="r1", environment="", model="fraud"),
        fact(5, what="waived", release="", **run),
        fact(6, release=IMAGE, run="r9"),
        fact(7, what="approved", release=IMAGE, environment="production"),
        fact(8, what="deployed", release=IMAGE, environment="production", run="r1"),
        fact(9, release=IMAGE, environment="production", run="r1", details={"onnx": NETWORK}),
        fact(10, what="drifted", release=IMAGE, environment="production"),
        fact(11, what="verdict", release=IMAGE, environment="production"),
    )
    there = history.at(house.ledger, "risk", "production", moment(10))
    assert there
    assert numbers(there.evidence) == [1, 2, 3, 5, 7, 8, 9, 10, 11, 12]
    assert there.back_to == 1


def test_facts_without_a_run_are_not_of_one_run() -> None:
    house = written(fact(1, what="verdict", release=OTHER), fact(2, release=IMAGE))
    there = history.at(house.ledger, "risk", "staging", moment(9))
    assert there
    assert numbers(there.evidence) == [2]


@pytest.mark.parametrize(
    ("reach", "found", "back_to"), [(2, [1, 3, 6], 1), (1, [3, 6], 2), (None, [1, 3, 6], 1)], ids=["two", "one", "all"]
)
def test_evidence_is_looked_for_until_verdicts_were_found_and_nothing_more_is_said(
    reach: int | None, found: list[int], back_to: int
) -> None:
    house = written(
        fact(0, what="waived", release=IMAGE),
        fact(1, what="verdict", release=OTHER),
        fact(2, what="verdict", release=IMAGE),
        fact(3, what="verdict", release=OTHER),
        fact(4, what="verdict", release=OTHER),
        fact(5, release=IMAGE),
    )
    there = history.at(house.ledger, "risk", "staging", moment(9), reach=reach)
    assert there
    assert there.back_to == back_to
    assert numbers(there.evidence) == found


def test_the_newest_move_stands() -> None:
    house = written(fact(1), fact(2), fact(3, what="deployed"), fact(4, environment="production"))
    assert history.standing(House().ledger, "risk", "staging") is None
    standing = history.standing(house.ledger, "risk", "staging")
    assert standing
    assert standing.number == 2


def back(turn: int, build: int, left: int) -> Fact:
    return fact(turn, what="rolled-back", build=build, details={"from_build": str(left)})


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ([fact(6)], None),
        ([fact(5), fact(6), back(7, 5, 6)], 7),
        ([back(7, 5, 6), back(8, 6, 5)], None),
        ([back(7, 5, 6), back(8, 6, 5), back(9, 5, 6)], 9),
        ([fact(7, what="rolled-back", build=5, details={"from_build": "66"})], None),
    ],
    ids=["never left", "left", "gone back to", "left again", "another"],
)
def test_a_release_that_was_left_is_known_until_a_rollback_went_back_to_it(facts: list[Fact], left: int | None) -> None:
    found = history.left_behind(written(*facts).ledger, "risk", "staging", 6)
    assert (found and found.time) == (left and moment(left))


KINDS: tuple[What, ...] = ("promoted", "rolled-back", "verdict", "deployed", "waived", "run-finished")


@st.composite
def told(draw: st.DrawFn) -> list[Fact]:
    """A history of several models and environments; clocks stand still, go on, or differ a little."""
    second, facts = 100.0, list[Fact]()
    for _ in range(draw(st.integers(0, 25))):
        second += draw(st.sampled_from([0, 0, 1, 30]))
        changes: dict[str, Any] = {
            "what": draw(st.sampled_from(KINDS)),
            "model": draw(st.sampled_from(["risk", "risk-2"])),
            "environment": draw(st.sampled_from(["staging", "production", ""])),
            "release": draw(st.sampled_from([IMAGE, NETWORK, OTHER])),
            "build": draw(st.integers(1, 4)),
            "run": draw(st.sampled_from(["", "r1", "r2"])),
            "time": moment(second - draw(st.sampled_from([0, 0, 20]))),
        }
        facts.append(fact(**changes))
    return facts


@given(told(), st.floats(70, 900), st.sampled_from(["staging", "production"]))
def test_random_histories_say_what_a_plain_list_says(facts: list[Fact], second: float, environment: str) -> None:
    time, known = moment(second), list(enumerate(facts, 1))
    there = history.at(written(*facts).ledger, "risk", environment, time, reach=None)
    by_then = [(number, one) for number, one in known if one.model == "risk" and one.time <= time]
    moves = [one for one in by_then if one[1].what in {"promoted", "rolled-back"} and one[1].environment == environment]
    if not moves:
        assert there is None
        return
    number, move = moves[-1]
    others = [other for other in moves if other[1].release != move.release]
    about = [n for n, one in by_then if one.release == move.release or (move.run and one.run == move.run)]
    assert there
    assert (there.entry.number, there.entry.fact) == (number, move)
    assert (there.replaced and there.replaced.number) == (others[-1][0] if others else None)
    assert numbers(there.evidence) == about
