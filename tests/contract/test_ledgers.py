"""Whatever keeps the ledger keeps it like this: numbers never twice, facts in a chain, every change found and named."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlagent.adapters.ledgers.objects import ENTRIES, ObjectLedger
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import Fact, Ledger, What, entries, reached
from mlagent.core.ports.store import Store
from mlagent.errors import InputError
from mlagent.ledger.chain import faults

RELEASE = "sha256:" + "1" * 64
Opened = Callable[[], Store]


@pytest.fixture
def ledger(opened: Opened) -> Ledger:
    return ObjectLedger(opened())


def fact(build: int = 1, environment: str = "staging", what: What = "promoted", model: str = "risk") -> Fact:
    return Fact(
        what=what,
        model=model,
        who="ann",
        time="2026-03-01T00:00:00Z",
        release=RELEASE,
        environment=environment,
        build=build,
        holds=("sha256:" + "2" * 64,),
        details={"reason": "weekly"},
    )


def test_builds_are_counted_from_one(ledger: Ledger, opened: Opened) -> None:
    assert [ledger.next_build() for _ in range(3)] == [1, 2, 3]
    assert ObjectLedger(opened()).next_build() == 4


def test_a_build_number_is_given_once_to_whoever_asks_at_once(opened: Opened) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: ObjectLedger(opened()).next_build(), range(24)))
    assert sorted(numbers) == list(range(1, 25))


def test_what_was_added_is_read_back_in_order(ledger: Ledger, opened: Opened) -> None:
    assert list(entries(ledger)) == []
    added = [ledger.append(fact(build)) for build in (1, 2, 3)]
    assert [entry.number for entry in added] == [1, 2, 3]
    assert [entry.fact for entry in added] == [fact(build) for build in (1, 2, 3)]
    assert added[0].previous == ""
    assert len({entry.previous for entry in added}) == 3
    assert list(entries(ObjectLedger(opened()))) == added
    assert faults(ObjectLedger(opened()).kept()) == []


def test_of_many_who_add_at_once_each_comes_in_once(opened: Opened) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda build: ObjectLedger(opened()).append(fact(build)), range(24)))
    ledger = ObjectLedger(opened())
    assert sorted(entry.fact.build for entry in entries(ledger)) == list(range(24))
    assert faults(ledger.kept()) == []


def test_how_far_an_environment_went_is_its_highest_promotion(ledger: Ledger) -> None:
    assert reached(ledger, "risk", "staging") == 0
    for one in (
        fact(3),
        fact(2, what="rolled-back"),
        fact(9, environment="production"),
        fact(8, what="approved"),
        fact(7, model="other"),
    ):
        ledger.append(one)
    assert reached(ledger, "risk", "staging") == 3
    assert reached(ledger, "risk", "production") == 9


def path(number: int) -> str:
    return f"{ENTRIES}{number:012d}"


def edit(store: Store) -> None:
    before = store.read(path(2))
    assert before
    store.write(path(2), before.data.replace(b'"ann"', b'"bob"'))


def reorder(store: Store) -> None:
    second, third = store.read(path(2)), store.read(path(3))
    assert second
    assert third
    store.write(path(2), third.data)
    store.write(path(3), second.data)


def spoil(store: Store) -> None:
    store.write(path(2), b"{")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (edit, "entry 3 does not follow from the one before"),
        (reorder, "entry 2 stands after entry 3: the order was changed"),
        (lambda store: store.remove(path(2)), "entry 2 is missing"),
        (spoil, "entry 2 of the ledger cannot be read"),
    ],
    ids=["edited", "reordered", "removed", "damaged"],
)
def test_what_was_tampered_with_is_named(opened: Opened, tamper: Callable[[Store], None], said: str) -> None:
    ledger = ObjectLedger(opened())
    for build in (1, 2, 3, 4):
        ledger.append(fact(build))
    tamper(opened())
    found = faults(ObjectLedger(opened()).kept())
    assert found
    assert said in found[0]


def test_an_entry_that_cannot_be_read_is_no_silent_gap(opened: Opened) -> None:
    ledger = ObjectLedger(opened())
    ledger.append(fact())
    opened().write(path(1), b"{")
    with pytest.raises(InputError, match="entry 1 of the ledger cannot be read"):
        list(entries(ledger))


def test_a_counter_that_holds_no_number_is_named(opened: Opened) -> None:
    opened().write("ledger/builds", b"many")
    with pytest.raises(InputError, match="ledger/builds in the store holds no number"):
        ObjectLedger(opened()).next_build()


def _append_for_ever(folder: Path) -> None:
    ledger = ObjectLedger(open_store(folder))
    for build in range(10_000):
        ledger.append(fact(build))


def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(tmp_path: Path) -> None:
    for pause in (0.01, 0.02, 0.03, 0.05, 0.08):
        process = multiprocessing.get_context("fork").Process(target=_append_for_ever, args=(tmp_path,))
        process.start()
        process.join(pause)
        process.kill()
        process.join()
        ledger = ObjectLedger(open_store(tmp_path))
        assert faults(ledger.kept()) == []
        ledger.append(fact())
        assert faults(ledger.kept()) == []
    assert len(list(entries(ObjectLedger(open_store(tmp_path))))) > 5
