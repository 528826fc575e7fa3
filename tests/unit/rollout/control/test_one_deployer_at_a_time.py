"""The lease of an environment: who has it, who may take it, who has lost it."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlagent.adapters.memory_cluster import MemoryCluster
from mlagent.errors import Held, InfrastructureError
from mlagent.rollout import hold, names, process

ELSEWHERE = "11111111-1111 pid:[1] 4711 99"
START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


class Time:
    """A clock that only a wait moves; `meanwhile` is done in each wait."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.meanwhile: Callable[[], object] = lambda: None

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.meanwhile()

    @property
    def clock(self) -> hold.Clock:
        return hold.Clock(
            now=lambda: START + timedelta(seconds=self.seconds), seconds=lambda: self.seconds, wait=self.wait
        )


def mark(cluster: MemoryCluster, to: str, **spec: Any) -> None:
    """Have the lease held by another process than this one."""
    found: Any = cluster.get(names.LEASE, "risk")
    found["metadata"]["annotations"][hold.MARK] = to
    found["spec"] |= {"holderIdentity": "process 4711 on other, run 7"} | spec
    assert cluster.swap(found)


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster("risk-staging")


@pytest.fixture
def time() -> Time:
    return Time()


def take(cluster: MemoryCluster, time: Time, said: list[str] | None = None) -> Any:
    told: list[str] = [] if said is None else said
    return hold.held(cluster, "risk", "run 8", say=told.append, clock=time.clock)


def test_it_is_held_for_the_block_and_let_go_after_it(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time) as check:
        check()
        found: Any = cluster.get(names.LEASE, "risk")
        assert found["spec"]["holderIdentity"] == f"{process.called()}, run 8"
    assert hold.holder(cluster, "risk") == ""
    with take(cluster, time):
        found = cluster.get(names.LEASE, "risk")
        assert found["spec"]["leaseTransitions"] == 1


def test_who_comes_second_is_told_who_has_it_since_when(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time) as check:
        time.meanwhile = lambda: renewed(cluster)
        with pytest.raises(
            Held, match=rf"process \d+ on .*, run 8 is at work on risk in risk-staging, since {START:%Y-%m-%dT%H:%M:%S}"
        ):
            take(cluster, time).__enter__()
        assert time.seconds <= 1
        check()


def renewed(cluster: MemoryCluster) -> None:
    """As its thread does it now and then."""
    found: Any = cluster.get(names.LEASE, "risk")
    found["spec"]["renewTime"] = "2026-01-02T03:00:05.000000Z"
    assert cluster.swap(found)


def test_one_that_died_on_this_machine_makes_way_at_once(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time):
        died = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        its = process.mark(died.pid)
        died.communicate(b"\n")
        mark(cluster, its)
    assert hold.holder(cluster, "risk") == ""
    said: list[str] = []
    with take(cluster, time, said):
        assert (time.seconds, said) == (0, [])


def test_one_on_another_machine_makes_way_when_it_has_been_silent(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time):
        mark(cluster, ELSEWHERE)
    said: list[str] = []
    with take(cluster, time, said):
        assert time.seconds == pytest.approx(hold.SECONDS, abs=1)
    assert said == [
        "process 4711 on other, run 7 is at work on it: looking for up to 15 s whether it lives",
        "process 4711 on other, run 7 has been silent: going on in its place",
    ]


def test_who_lost_it_is_told_at_the_next_check_and_lets_the_other_keep_it(cluster: MemoryCluster, time: Time) -> None:
    lost = "process 4711 on other, run 7 holds risk in risk-staging now"
    with take(cluster, time) as check:
        mark(cluster, ELSEWHERE)
        time.seconds += hold.SECONDS
        with pytest.raises(Held, match=lost):
            check()
    found: Any = cluster.get(names.LEASE, "risk")
    assert found["spec"]["holderIdentity"] == "process 4711 on other, run 7"


def test_a_lease_that_somebody_deleted_is_lost(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time) as check:
        cluster.delete(names.LEASE, "risk")
        time.seconds += hold.SECONDS
        with pytest.raises(Held, match="nobody holds risk"):
            check()


def test_a_change_of_its_labels_by_others_does_not_lose_it(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time) as check:
        found: Any = cluster.get(names.LEASE, "risk")
        found["metadata"]["labels"] = {"seen-by": "somebody"}
        assert cluster.swap(found)
        time.seconds += hold.SECONDS
        check()
        found = cluster.get(names.LEASE, "risk")
        assert found["spec"]["renewTime"] == "2026-01-02T03:00:15.000000Z"


def test_a_cluster_that_is_away_is_no_loss_but_says_so(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time) as check:
        cluster.away = True
        time.seconds += hold.SECONDS
        with pytest.raises(InfrastructureError):
            check()
        cluster.away = False
        check()


def test_it_is_let_go_by_silence_where_the_cluster_is_away_at_the_end(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time):
        cluster.away = True
    cluster.away = False
    found: Any = cluster.get(names.LEASE, "risk")
    assert found["spec"]["holderIdentity"]


def test_a_look_takes_one_that_has_been_silent_for_nobody(cluster: MemoryCluster, time: Time) -> None:
    with take(cluster, time):
        mark(cluster, ELSEWHERE, renewTime=datetime.now(UTC).isoformat())
        assert hold.holder(cluster, "risk") == "process 4711 on other, run 7"
        mark(cluster, ELSEWHERE, renewTime=(datetime.now(UTC) - timedelta(minutes=1)).isoformat())
        assert hold.holder(cluster, "risk") == ""


def test_only_a_process_that_was_here_can_be_known_to_be_dead() -> None:
    here = process.mark()
    where, number, started = here.rsplit(" ", 2)
    assert not process.dead(here)
    assert process.dead(f"{where} {number} {int(started) + 1}")
    assert not any(map(process.dead, ("", "x", ELSEWHERE)))
