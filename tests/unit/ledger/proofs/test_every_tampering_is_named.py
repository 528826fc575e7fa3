"""Whatever was done to a ledger is found, and the sentence says what it was and where; what is whole has no fault."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlagent.core.ports.ledger import entries
from mlagent.errors import InputError
from mlagent.ledger import verification
from mlagent.ledger.found import MOST_GAPS, Gaps
from mlagent.ledger.verification import Anchored
from tests.proofs_house import House, chained, fact, moment

Lines = list[bytes]
SIZE = 9


def forged(lines: Lines, number: int) -> Lines:
    """That entry says something else."""
    return [*lines[: number - 1], lines[number - 1].replace(b"ann", b"bob"), *lines[number:]]


def swapped(lines: Lines, one: int, other: int) -> Lines:
    changed = list(lines)
    changed[one - 1], changed[other - 1] = lines[other - 1], lines[one - 1]
    return changed


def renumbered(lines: Lines, number: int, says: int) -> Lines:
    changed = lines[number - 1].replace(b'"number":%d' % number, b'"number":%d' % says)
    return [*lines[: number - 1], changed, *lines[number:]]


def earlier(seconds: float) -> Lines:
    """The last of four says a time that is so long ago."""
    return chained([*(fact(turn) for turn in (100, 200, 300)), fact(4, time=moment(300 - seconds))])


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda lines: forged(lines, 4), ["entry 5 does not follow from the one before: entry 4 was changed"]),
        (
            lambda lines: forged(forged(lines, 2), 6),
            [
                "entry 3 does not follow from the one before: entry 2 was changed",
                "entry 7 does not follow from the one before: entry 6 was changed",
            ],
        ),
        (
            lambda lines: [*lines[:3], *chained([fact(turn, who="eve") for turn in range(4)])[3:], *lines[4:]],
            [
                "entry 4 does not follow from the one before: entry 4 was changed",
                "entry 5 does not follow from the one before: entry 4 was changed",
            ],
        ),
        (lambda lines: forged(lines, 8), ["entry 9 does not follow from the one before: entry 8 or 9 was changed"]),
        (lambda lines: [*lines[:3], *lines[4:]], ["entry 4 is missing"]),
        (lambda lines: lines[3:], ["entries 1 to 3 are missing"]),
        (lambda lines: [*lines[:1], *lines[2:5], *lines[7:]], ["entry 2 is missing", "entries 6 to 7 are missing"]),
        (lambda lines: swapped(lines, 4, 5), ["entry 4 stands after entry 5: the order was changed"]),
        (
            lambda lines: swapped(lines, 2, 8),
            [
                *(f"entry {number} stands after entry 8: the order was changed" for number in range(3, 8)),
                "entry 2 stands after entry 8: the order was changed",
            ],
        ),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], ["two entries say that they are entry 2"]),
        (
            lambda lines: [*lines[:3], chained([*(fact(one) for one in range(3)), fact(50)])[3], *lines[3:]],
            [
                "two entries say that they are entry 4: one was put in, or the ledger was forked",
                "entry 5 does not follow from the one before: entry 4 was changed",
            ],
        ),
        (
            lambda lines: renumbered(lines, 4, 40),
            [
                "entry 4 says that it is entry 40: it was changed",
                "entry 5 does not follow from the one before: entry 4 was changed",
            ],
        ),
        (lambda lines: [*lines[:3], b"{", *lines[4:]], ["entry 4 of the ledger cannot be read"]),
        (lambda lines: [*lines[:2], b"\xff", *lines[4:]], ["entry 3 of the ledger cannot be read", "entry 4 is miss"]),
        (lambda lines: [*lines[:1], *lines[2:4], b"{", *lines[5:]], ["entry 5 of the ledger", "entry 2 is missing"]),
        (lambda lines: earlier(61), ["the clock was set back: the time of entry 4 is 0:01:01 before"]),
    ],
    ids=[
        "edited",
        "two edited",
        "another in its place",
        "last but one edited",
        "deleted",
        "beginning deleted",
        "deleted here and there",
        "two neighbours swapped",
        "two others swapped",
        "copied",
        "put in",
        "renumbered",
        "damaged",
        "damaged and deleted",
        "deleted and damaged",
        "clock set back",
    ],
)
@pytest.mark.parametrize("block", [1, 2, 5, 4096])
def test_the_chain_alone_shows_it(
    tamper: Callable[[Lines], Lines], said: Sequence[str], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlagent.ledger.verification.BLOCK", block)
    house = House(SIZE)
    house.write(tamper(house.lines()))
    report = house.verify()
    assert len(report.faults) == len(said), report.faults
    assert all(fault.startswith(start) for fault, start in zip(sorted(report.faults), sorted(said), strict=True))
    assert len(set(report.keys)) == len(report.faults)


@pytest.mark.parametrize("seconds", [-60, 0, 1, 60])
def test_clocks_may_differ_by_a_minute(seconds: float) -> None:
    house = House()
    house.write(earlier(seconds))
    assert house.verify().faults == ()


def test_a_clock_that_creeps_back_is_found_when_it_is_a_minute_behind() -> None:
    house = House()
    house.write(chained([fact(time=moment(300 - turn * 25)) for turn in range(5)]))
    assert [fault[:40] for fault in house.verify().faults] == ["the clock was set back: the time of entr"]


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.mark.parametrize("block", [1, 4096])
def test_a_time_that_has_not_come_yet_is_found_and_those_after_it_are_not_blamed(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlagent.ledger.verification.BLOCK", block)
    house = House()
    house.write(chained([fact(), fact(time=ahead(86_400)), fact(time=ahead(0)), fact(time=ahead(30))]))
    (fault,) = house.verify().faults
    assert fault.startswith("entry 2 says ")
    assert "which has not come yet" in fault


def test_a_ledger_that_is_whole_has_no_fault() -> None:
    house = House(SIZE)
    anchor = house.seal()
    house.ledger.append(fact(SIZE))
    report = house.verify(anchor)
    assert report.faults == report.keys == ()
    assert report.size == SIZE + 1
    assert report.head == house.ledger.head().digest
    assert report.checkpoints == 1


def test_an_empty_ledger_is_whole() -> None:
    report = House().verify()
    assert (report.size, report.head, report.faults) == (0, "", ())


def test_of_very_many_faults_twenty_are_named_and_all_are_counted() -> None:
    house = House(120)
    lines = house.lines()
    for number in range(2, 120, 2):
        lines = forged(lines, number)
    house.write(lines)
    report = house.verify()
    assert len(report.faults) == len(report.keys) == 21
    assert report.faults[-1] == "and 39 more faults like these"


def test_the_key_of_many_faults_is_another_when_one_of_them_is() -> None:
    house = House(120)
    lines = house.lines()
    for number in range(2, 120, 2):
        lines = forged(lines, number)
    house.write(lines)
    before = house.verify().keys
    house.write(forged(lines, 99))
    assert house.verify().keys[-1] != before[-1]
    house.write(lines)
    assert house.verify().keys == before


def test_a_key_stays_while_the_ledger_grows() -> None:
    house = House(SIZE)
    house.write(forged(house.lines(), 3))
    before = house.verify().keys
    house.ledger.append(fact(SIZE))
    assert house.verify().keys == before
    house.write([*house.lines()[:2], house.lines()[2].replace(b"bob", b"eve"), *house.lines()[3:]])
    assert house.verify().keys != before


def test_it_is_told_how_far_the_reading_is() -> None:
    house, told = House(SIZE), list[tuple[int, int]]()
    verification.verify(house.ledger, progress=lambda done, of: told.append((done, of)))
    assert told == [(SIZE, SIZE)]


WHOLE = chained([fact(turn) for turn in range(SIZE)])
places = st.integers(0, SIZE - 1)


@st.composite
def tampered(draw: st.DrawFn) -> Lines:
    """A few changes, one after the other, each by somebody who knows nothing or who chains anew what follows."""
    lines = list(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["byte", "delete", "swap", "copy", "cut", "anew", "add"]))
        place = min(draw(places), max(len(lines) - 1, 0))
        if kind == "add" or not lines:
            lines = [*lines, draw(st.binary(max_size=20))]
        elif kind == "byte":
            at = draw(st.integers(0, max(len(lines[place]) - 1, 0)))
            lines[place] = lines[place][:at] + draw(st.binary(max_size=2)) + lines[place][at + 1 :]
        elif kind == "anew":
            lines = _anew(lines, place)
        else:
            other = min(draw(places), len(lines) - 1)
            lines = {
                "delete": lines[:place] + lines[place + 1 :],
                "swap": swapped(lines, place + 1, other + 1),
                "copy": [*lines[:other], lines[place], *lines[other:]],
                "cut": lines[:place],
            }[kind]
    return lines


def _anew(lines: Lines, place: int) -> Lines:
    """All that can be read, another one who did the one at the place, chained as it must be."""
    house = House()
    house.write(lines)
    try:
        facts = [one.fact for one in entries(house.ledger)]
    except InputError:  # who tampers gives up on what nobody can read
        return lines
    return chained([*facts[:place], fact(place, who="eve"), *facts[place + 1 :]])


@given(tampered())
def test_whatever_was_changed_before_a_checkpoint_shows(lines: Lines) -> None:
    house = House()
    house.write(WHOLE)
    anchor = house.seal()
    house.write(lines)
    assert bool(house.verify(anchor).faults) == (lines[:SIZE] != WHOLE or len(lines) > SIZE)


@given(tampered())
def test_nothing_before_an_entry_changes_unseen_as_long_as_that_one_stands(lines: Lines) -> None:
    assume([*lines, WHOLE[-1]] != WHOLE)
    house = House()
    house.write([*lines, WHOLE[-1]])
    assert house.verify().faults


def test_an_anchor_is_named_by_where_it_is() -> None:
    house = House(SIZE)
    data = house.seal().data
    house.write(house.lines()[:4])
    report = house.verify(Anchored("Deployment risk in production", data))
    saw = f"the checkpoint of {SIZE} entries at {moment(0)} (Deployment risk in production)"
    assert len(report.faults) == 1
    assert report.faults[0].startswith(f"the ledger was cut off: it ends after 4 entries, and {saw} saw more")


def test_of_very_many_gaps_it_is_known_that_there_are_more() -> None:
    gaps = Gaps()
    for number in range(1, 2 * MOST_GAPS + 3, 2):
        gaps.open(number, number)
    assert gaps.fill(3)
    assert not Gaps().fill(3)
    said = gaps.said()
    assert said[:2] == ["entry 1 is missing", "entry 5 is missing"]
    assert said[-1] == "entries are missing in many more places"
    assert len(said) == MOST_GAPS


def test_a_number_that_came_after_all_leaves_the_gap_around_it() -> None:
    gaps = Gaps()
    gaps.open(2, 6)
    assert [gaps.fill(number) for number in (4, 4, 2, 7)] == [True, False, True, False]
    assert gaps.said() == ["entry 3 is missing", "entries 5 to 6 are missing"]
