"""In the store, who holds something says so and until when: renewed while they live, free once they are dead."""

import os
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers import locks, object_holding
from mlagent.adapters.ledgers.objects import HEAD, HOLDERS, ObjectLedger
from mlagent.errors import Held, InfrastructureError, InputError
from tests.contract.ledgers import fact

NAME = HOLDERS + locks.called("risk")


def held_by(store: MemoryStore, process: int, *, machine: str = object_holding._machine(), seconds: float = 60) -> None:
    """As its process wrote it."""
    holder = object_holding._Holder("ann", time.time() + seconds, machine, process)
    store.write(NAME, msgspec.json.encode(holder))


def dead_process() -> int:
    """The id of one that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.3)
    return MemoryStore()


def test_a_dead_process_of_this_machine_holds_nothing(store: MemoryStore) -> None:
    held_by(store, dead_process())
    with ObjectLedger(store).holding("risk", "bob"):
        pass


def test_a_process_of_another_machine_is_believed_until_its_time_is_over(store: MemoryStore) -> None:
    held_by(store, dead_process(), machine="another boot")
    with pytest.raises(Held, match="risk is held by ann"), ObjectLedger(store).holding("risk", "bob"):
        pass
    held_by(store, os.getpid(), machine="another boot", seconds=-1)
    with ObjectLedger(store).holding("risk", "bob"):
        pass


def test_a_process_of_this_machine_that_lives_is_believed(store: MemoryStore) -> None:
    for living in (os.getpid(), 1):
        held_by(store, living)
        with pytest.raises(Held), ObjectLedger(store).holding("risk", "bob"):
            pass


def test_who_works_for_long_goes_on_holding_it(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_holding, "HELD_SECONDS", 0.9)
    monkeypatch.setattr(object_holding, "_machine", lambda: "")
    before = threading.active_count()
    with ObjectLedger(store).holding("risk", "ann"):
        time.sleep(1.2)
        with pytest.raises(Held, match="risk is held by ann"), ObjectLedger(store).holding("risk", "bob"):
            pass
    assert threading.active_count() == before


def test_a_store_that_is_away_for_a_moment_does_not_end_it(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_holding, "HELD_SECONDS", 1.5)
    monkeypatch.setattr(object_holding, "_machine", lambda: "")
    read, turns = store.read, iter([True])

    def away(name: str) -> object:
        if next(turns, False):
            raise InfrastructureError("away")
        return read(name)

    with ObjectLedger(store).holding("risk", "ann"):
        monkeypatch.setattr(store, "read", away)
        time.sleep(2)
        with pytest.raises(Held), ObjectLedger(store).holding("risk", "bob"):
            pass


def test_who_lost_it_does_not_take_it_from_the_next(store: MemoryStore) -> None:
    with ObjectLedger(store).holding("risk", "ann"):
        held_by(store, os.getpid())
    named = store.read(NAME)
    assert named
    assert b'"who":"ann"' in named.data


def test_what_cannot_be_read_is_held_by_nobody(store: MemoryStore) -> None:
    store.write(NAME, b"[]")
    with ObjectLedger(store).holding("risk", "bob"):
        pass


def test_where_the_system_does_not_say_which_machine_it_is_nothing_is_guessed(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", away)
    assert object_holding._machine() == ""
    held_by(store, dead_process(), machine="")
    with pytest.raises(Held), ObjectLedger(store).holding("risk", "bob"):
        pass


@pytest.mark.parametrize("name", [HEAD, "ledger/builds"])
def test_a_counter_that_holds_no_number_is_named(store: MemoryStore, name: str) -> None:
    store.write(name, "²".encode())
    with pytest.raises(InputError, match=f"{name} in the store holds no number"):
        ObjectLedger(store).next_build() if "builds" in name else ObjectLedger(store).append(fact())
