"""What every ledger does, wherever it is kept."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol

import pytest

from mlagent.adapters.ledgers import locks
from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact, Head, Ledger, What, entries, reached
from mlagent.errors import Held, InfrastructureError, InputError
from mlagent.ledger.chain import faults

RELEASE = "sha256:" + "1" * 64
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ODD = 'ri"sk\\ \u2028é/🔏'


class Tamperer(Protocol):
    """Who writes to where a ledger is kept, past it."""

    def data(self, number: int) -> bytes:
        """What is kept as this entry."""

    def write(self, number: int, data: bytes) -> None:
        """Put other bytes in its place."""

    def remove(self, number: int) -> None:
        """Take it out."""


class Place(NamedTuple):
    """Opens one ledger again and again, as so many processes would; `many` is how often tests do so at once."""

    opened: Callable[[], Ledger]
    tamperer: Tamperer
    many: int = 24
    forks: bool = True
    url: str = ""


def at(seconds: float) -> str:
    """So long after the first of March."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def fact(
    build: int = 1, environment: str = "staging", what: What = "promoted", model: str = "risk", seconds: float = 0
) -> Fact:
    return Fact(
        what=what,
        model=model,
        who="Änn",
        time=at(seconds),
        release=RELEASE,
        environment=environment,
        build=build,
        holds=("sha256:" + "2" * 64,),
        details={"reason": "weekly", "model": "other"},
    )


def numbers(found: Sequence[Entry]) -> list[int]:
    return [one.number for one in found]


class Counting:
    """The number that each build takes."""

    def test_builds_are_counted_from_one(self, place: Place) -> None:
        ledger = place.opened()
        assert [ledger.next_build() for _ in range(3)] == [1, 2, 3]
        assert place.opened().next_build() == 4

    def test_a_build_number_is_given_once_to_whoever_asks_at_once(self, place: Place) -> None:
        with ThreadPoolExecutor(8) as pool:
            given = list(pool.map(lambda _: place.opened().next_build(), range(place.many)))
        assert sorted(given) == list(range(1, place.many + 1))


class Adding:
    """Facts come after one another, whole or not at all."""

    def test_a_new_ledger_is_empty(self, place: Place) -> None:
        ledger = place.opened()
        assert ledger.head() == Head()
        assert list(ledger.kept()) == []
        assert list(ledger.about("risk", until=at(0))) == []
        assert list(ledger.checkpoints()) == []

    def test_what_was_added_is_read_back_in_order(self, place: Place) -> None:
        ledger = place.opened()
        added = [ledger.append(fact(build)) for build in (1, 2, 3)]
        assert numbers(added) == [1, 2, 3]
        assert [entry.fact for entry in added] == [fact(build) for build in (1, 2, 3)]
        kept = list(place.opened().kept())
        assert list(entries(place.opened())) == added
        assert [one.data for one in kept] == [digest.canonical_json(one) for one in added]
        assert [one.previous for one in added] == ["", *(digest.of_bytes(one.data) for one in kept[:2])]
        assert place.opened().head() == Head(3, digest.of_bytes(kept[2].data))
        assert faults(kept) == []

    def test_reading_begins_where_it_is_told(self, place: Place) -> None:
        ledger = place.opened()
        for build in range(1, 8):
            ledger.append(fact(build))
        for first in range(1, 9):
            assert [one.number for one in ledger.kept(first)] == list(range(first, 8))

    def test_of_many_who_add_at_once_each_comes_in_once(self, place: Place) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda build: place.opened().append(fact(build)), range(place.many)))
        ledger = place.opened()
        assert sorted(entry.fact.build for entry in entries(ledger)) == list(range(place.many))
        assert faults(ledger.kept()) == []

    def test_of_processes_who_add_at_once_each_comes_in_once(self, place: Place) -> None:
        if place.forks:
            processes = [forked(_append, place, build) for build in range(4)]
            for process in processes:
                process.join()
            assert [process.exitcode for process in processes] == [0] * 4
        else:  # its client does not outlive a fork
            _append(place, 0)
        ledger = place.opened()
        found = [entry.fact.build for entry in entries(ledger)]
        assert sorted(found) == [build for build in range(4 if place.forks else 1) for _ in range(5)]
        assert faults(ledger.kept()) == []

    def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(self, place: Place) -> None:
        for pause in (0.02, 0.05, 0.1) if place.forks else ():
            before, process = place.opened().head().number, forked(_append_for_ever, place)
            until_it_is_longer(place, before)
            process.join(pause)
            process.kill()
            process.join()
            place.opened().append(fact())
            assert faults(place.opened().kept()) == []
        place.opened().append(fact())
        found = list(entries(place.opened()))
        assert numbers(found) == list(range(1, len(found) + 1))

    def test_a_clock_that_is_behind_adds_nothing(self, place: Place) -> None:
        ledger = place.opened()
        ledger.append(fact(seconds=1000))
        ledger.append(fact(seconds=941))
        with pytest.raises(InfrastructureError, match="clock is behind the ledger by 61 seconds"):
            ledger.append(fact(seconds=939))
        with pytest.raises(InfrastructureError, match="clock is behind the ledger by 16 minutes") as caught:
            ledger.append(fact())
        assert "NTP" in caught.value.hint
        assert ledger.head().number == 2

    @pytest.mark.parametrize("name", ["an\x00n", "an\udce4n"], ids=["nul", "no-unicode"])
    def test_what_nobody_could_read_again_is_not_added(self, place: Place, name: str) -> None:
        ledger = place.opened()
        with pytest.raises(InputError, match="not all of it is text"):
            ledger.append(fact(model=name))
        assert ledger.head() == Head()

    def test_checkpoints_are_kept_once_and_the_oldest_comes_first(self, place: Place) -> None:
        ledger = place.opened()
        for size, text in ((2, "zwei ä"), (12, "twelve"), (2, "zwei ä"), (1, "one")):
            ledger.seal(size, text.encode())
        assert list(place.opened().checkpoints()) == [b"one", "zwei ä".encode(), b"twelve"]


class Asking:
    """What is about a model."""

    def test_the_newest_comes_first_and_only_what_is_asked_for(self, place: Place) -> None:
        ledger = place.opened()
        for build, (model, environment) in enumerate(
            [("risk", "staging"), ("other", "staging"), ("risk", "production"), (ODD, "staging"), ("risk", "")], 1
        ):
            ledger.append(fact(build, environment, model=model, seconds=build))
        assert numbers(list(ledger.about("risk"))) == [5, 3, 1]
        assert numbers(list(ledger.about("risk", ""))) == [5]
        assert numbers(list(ledger.about("risk", "production"))) == [3]
        assert numbers(list(ledger.about(ODD))) == [4]
        assert numbers(list(ledger.about("ris"))) == []
        assert numbers(list(ledger.about("risk", until=at(3)))) == [3, 1]
        assert numbers(list(ledger.about("risk", until=at(0.5)))) == []
        assert next(ledger.about("risk")).fact == fact(5, "", seconds=5)

    def test_clocks_that_differ_hide_nothing(self, place: Place) -> None:
        chance, ledger, newest = random.Random(11), place.opened(), 0.0  # noqa: S311
        added = []
        for build in range(60):
            newest = max(newest, now := newest + chance.uniform(-59, 40))
            model, environment = chance.choice(("risk", "other")), chance.choice(("staging", "production"))
            added.append(ledger.append(fact(build, environment, model=model, seconds=now)))
        for _ in range(20):
            end = at(chance.uniform(-60, newest + 60))
            expected = [one.number for one in added if one.fact.model == "risk" and one.fact.time <= end]
            assert numbers(list(ledger.about("risk", until=end))) == expected[::-1]

    def test_a_time_that_is_none_is_named(self, place: Place) -> None:
        with pytest.raises(InputError, match="'yesterday' is no time of a ledger"):
            list(place.opened().about("risk", until="yesterday"))

    def test_how_far_an_environment_went_is_its_highest_promotion(self, place: Place) -> None:
        ledger = place.opened()
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


class Holding:
    """Having something to oneself."""

    def test_one_has_it_and_the_next_comes_after(self, place: Place) -> None:
        spans: list[tuple[float, float]] = []

        def hold(_: int) -> None:
            with place.opened().holding("risk/staging", "ann"):
                begin = time.monotonic()
                time.sleep(0.05)
                spans.append((begin, time.monotonic()))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(hold, range(4)))
        assert len(spans) == 4
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(spans)))

    def test_who_waits_in_vain_is_told_who_has_it(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.2)
        with (
            place.opened().holding("risk", "ann"),
            pytest.raises(Held, match=r"risk is held by ann \(\d+ on .+\)"),
            place.opened().holding("risk", "bob"),
        ):
            pass
        with place.opened().holding("risk", "bob"):
            pass

    def test_it_is_let_go_where_its_holder_fails(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.2)
        with pytest.raises(KeyError), place.opened().holding("risk", "ann"):
            raise KeyError
        with place.opened().holding("risk", "bob"), place.opened().holding("other", "ann"):
            pass

    @pytest.mark.parametrize("what", ["lock", "tables", ODD, "../risk", "."])
    def test_who_holds_it_may_add_whatever_it_is_called(self, place: Place, what: str) -> None:
        with place.opened().holding(what, "ann"):
            assert place.opened().append(fact()).number == 1
            assert place.opened().next_build() == 1

    def test_a_dead_holder_does_not_hold_it(self, place: Place) -> None:
        if place.forks:
            taken = multiprocessing.get_context("fork").Event()
            process = forked(_hold_for_ever, place, taken)
            assert taken.wait(60)
            process.kill()
            process.join()
        begin = time.monotonic()
        with place.opened().holding("risk", "bob"):
            assert time.monotonic() - begin < 20


class Ledgers(Counting, Adding, Asking, Holding):
    """All of it; whoever holds ledgers against it gives the fixture `place`."""


def forked(target: Callable[..., None], *given: object) -> multiprocessing.context.ForkProcess:
    """A process of its own that does this."""
    process = multiprocessing.get_context("fork").Process(target=target, args=given, daemon=True)
    process.start()
    return process


def until_it_is_longer(place: Place, before: int) -> None:
    end = time.monotonic() + 60
    while place.opened().head().number == before:
        assert time.monotonic() < end
        time.sleep(0.005)


def _append(place: Place, build: int) -> None:
    for _ in range(5):
        place.opened().append(fact(build))


def _append_for_ever(place: Place) -> None:
    ledger = place.opened()
    while True:
        ledger.append(fact())


def _hold_for_ever(place: Place, taken: threading.Event) -> None:
    with place.opened().holding("risk", "ann"):
        taken.set()
        time.sleep(600)
