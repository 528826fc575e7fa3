"""A run has one holder, who is told to others; looking takes nothing."""

import time
from pathlib import Path

import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.engine.lease import StoreLease, me
from mlagent.errors import (
    Held,
    InputError,
)
from tests.unit.engine.chain import runner, stage, workspace

MAKER = stage("maker")
TAKER = stage("taker", reads=("maker",))


def test_a_second_runner_is_told_who_holds_the_run(project: Path) -> None:
    one = runner(project, MAKER)
    with pytest.raises(Held, match=r"held by process \d+ on"):
        runner(project, MAKER)
    one.lease.release()
    runner(project, MAKER).lease.release()


def test_looking_who_holds_a_run_takes_nothing(project: Path) -> None:
    one = runner(project, MAKER)
    look = workspace(project, MAKER)
    run_id = one.run.run_id
    assert look.holder(run_id) == me()
    one.lease.release()
    assert look.holder(run_id) == ""
    assert look.holder("never-run") == ""
    assert not look.run_folder("never-run").exists()


def test_looking_at_a_lease_in_a_store_takes_nothing() -> None:
    store = MemoryStore()
    assert StoreLease.holder(store, "r") == ""
    held = StoreLease(store, "r", 60)
    before = store.read("leases/r")
    assert StoreLease.holder(store, "r") == me()
    assert StoreLease.holder(store, "r", clock=lambda: time.time() + 61) == ""
    assert store.read("leases/r") == before
    held.release()
    assert StoreLease.holder(store, "r") == ""
    store.write("leases/r", b"{")
    with pytest.raises(InputError, match="leases/r in the store is damaged"):
        StoreLease(store, "r", 60)
