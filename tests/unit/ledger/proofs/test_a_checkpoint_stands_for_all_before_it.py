"""A checkpoint is taken from the one before, signed, kept once; nothing that contradicts itself is signed or read."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core import digest
from mlagent.errors import InputError
from mlagent.ledger import checkpoint
from mlagent.ledger.checkpoint import Checkpoint, Sealed
from mlagent.ledger.merkle import Frontier
from tests.proofs_house import KEY, House, chained, fact, good, moment, signing


def root(lines: list[bytes]) -> str:
    frontier = Frontier()
    frontier.extend(lines)
    return frontier.root()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_each_is_of_all_entries_however_many_came_since_the_last(steps: list[int]) -> None:
    house = House(1)
    for step in steps:
        for _ in range(step):
            house.ledger.append(fact(len(house.lines())))
        taken = checkpoint.take(house.ledger, moment(500), None).checkpoint
        lines = house.lines()
        assert (taken.size, taken.root, taken.head) == (len(lines), root(lines), digest.of_bytes(lines[-1]))
    assert house.verify().faults == ()


def test_only_what_came_since_the_last_is_read() -> None:
    house = House(5)
    house.seal()
    house.write([b"not looked at"] * 4 + house.lines()[4:])
    assert checkpoint.take(house.ledger, moment(9), None).checkpoint.size == 5


def test_the_signature_is_of_the_canonical_json_of_the_checkpoint() -> None:
    house = House(3)
    sealed = checkpoint.take(house.ledger, moment(9), signing(KEY))
    assert good(KEY)(digest.canonical_json(sealed.checkpoint), sealed.signature)
    assert checkpoint.signed(sealed.checkpoint) == digest.canonical_json(sealed.checkpoint)
    assert sealed.key
    assert sealed.checkpoint.time == moment(9)


def test_what_is_sealed_already_is_not_sealed_again() -> None:
    house = House(3)
    first = checkpoint.take(house.ledger, moment(9), signing(KEY))
    assert checkpoint.take(house.ledger, moment(99), signing(KEY)) == first
    assert checkpoint.take(house.ledger, moment(99), None) == first
    assert len(list(house.ledger.checkpoints())) == 1


def test_an_unsigned_one_is_signed_when_there_is_a_key() -> None:
    house = House(3)
    checkpoint.take(house.ledger, moment(9), None)
    signed = checkpoint.take(house.ledger, moment(10), signing(KEY))
    assert signed.signature
    assert checkpoint.newest(house.ledger) == signed


def test_an_empty_ledger_has_one_too() -> None:
    assert checkpoint.take(House().ledger, moment(0), None).checkpoint == Checkpoint(
        size=0, root=root([]), head="", time=moment(0), frontier=()
    )


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: [*lines[:2], lines[2].replace(b"ann", b"bob"), *lines[3:]],
        lambda lines: [*lines[:3], lines[3].replace(b"ann", b"bob"), *lines[4:]],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines[:4], b"{"],
        lambda lines: lines[:2],
        lambda lines: chained([fact(turn, who="bob") for turn in range(5)]),
    ],
    ids=["the last that it covers", "one after it", "deleted", "unreadable", "cut", "chained anew"],
)
def test_nothing_is_signed_that_does_not_follow_from_the_last(tamper: Callable[[list[bytes]], list[bytes]]) -> None:
    house = House(3)
    house.seal()
    for turn in (3, 4):
        house.ledger.append(fact(turn))
    house.write(tamper(house.lines()))
    asked: list[bytes] = []

    def sign(data: bytes) -> tuple[str, str]:
        asked.append(data)
        return "", ""

    with pytest.raises(InputError, match=r"entry \d of the ledger is not the one that must come here"):
        checkpoint.take(house.ledger, moment(9), sign)
    assert not asked
    assert len(list(house.ledger.checkpoints())) == 1


def test_who_knows_what_is_wrong_begins_anew_from_what_is_there() -> None:
    house = House(3)
    house.seal()
    lines = [house.lines()[0], house.lines()[2]]
    house.write(lines)
    taken = checkpoint.take(house.ledger, moment(9), signing(KEY), anew=True)
    assert (taken.checkpoint.size, taken.checkpoint.root) == (2, root(lines))
    assert checkpoint.take(house.ledger, moment(99), signing(KEY), anew=True) == taken


def test_it_is_read_as_it_was_written() -> None:
    house = House(5)
    sealed = checkpoint.take(house.ledger, moment(9), signing(KEY))
    data = checkpoint.write(sealed)
    assert b"\n" not in data
    assert checkpoint.read(data) == sealed
    assert list(house.ledger.checkpoints()) == [data]


SEALED = checkpoint.take(House(5).ledger, moment(9), None)
CHANGED: list[Sealed] = [
    Sealed(checkpoint=msgspec.structs.replace(SEALED.checkpoint, **change))
    for change in ({"root": "sha256:" + "0" * 64}, {"size": 7}, {"frontier": ()}, {"frontier": ("zz",)})
]


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", *map(checkpoint.write, CHANGED)])
def test_what_contradicts_itself_is_not_read(data: bytes) -> None:
    with pytest.raises(InputError, match="checkpoint"):
        checkpoint.read(data)


def test_what_cannot_be_read_is_passed_over_by_the_next() -> None:
    house = House(5)
    house.ledger.seal(9, b"{}")
    assert checkpoint.newest(house.ledger) is None
    assert checkpoint.take(house.ledger, moment(9), None).checkpoint == SEALED.checkpoint
