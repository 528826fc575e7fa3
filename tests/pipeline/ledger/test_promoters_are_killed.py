"""Promoters as processes on one ledger, killed by signal 9 at any moment: the next run makes all agree."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.adapters.ledgers.sql import SqlLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import Ledger
from mlagent.engine.clock import now
from mlagent.errors import PolicyRefused
from mlagent.ledger.anchors import Anchor, VersionTags
from tests.promotion_house import MODEL, House

KILLS, BUILDS = 20, 4


def lines(folder: Path) -> Ledger:
    return LineLedger(folder / "ledger.jsonl")


def sqlite(folder: Path) -> Ledger:
    return SqlLedger(f"sqlite:///{folder / 'ledger.db'}", folder)


class OnDisk(House):
    """The house on a disk that processes share; without a cluster."""

    def __init__(self, folder: Path, opened: Callable[[Path], Ledger]) -> None:
        super().__init__()
        self.ledger, self.registry = opened(folder), LocalRegistry(open_store(folder / "store"))
        for version in range(1, 5):
            self.registry.register(MODEL, self.release(version).onnx, {})

    def now(self) -> str:
        return now()

    def anchors(self) -> list[Anchor]:
        return [VersionTags(self.registry, MODEL)]

    def all(self, builds: Sequence[int]) -> None:
        """Each of them, as far as a later one was not faster."""
        for build in builds:
            try:
                self.promote(build % 4 + 1, build=build, who=f"build {build}")
            except PolicyRefused as error:
                assert "has been promoted there" in error.message


def child(folder: Path, opened: Callable[[Path], Ledger], builds: Sequence[int], ends: float = 0.0) -> int:
    """A process that promotes them; the kernel ends it after that many seconds of its work, and nothing hears of it.

    It counts them itself, so that however fast or busy the machine is, it ends in the midst of the work.
    """
    made = os.fork()
    if made == 0:
        status = 1
        try:
            house = OnDisk(folder, opened)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, ends)
            house.all(builds)
            status = 0
        finally:
            os._exit(status)
    return made


def seconds_of_one(folder: Path, opened: Callable[[Path], Ledger]) -> float:
    """How long a promotion takes on this machine, where nobody else is at it."""
    folder.mkdir()
    house, began = OnDisk(folder, opened), time.monotonic()
    house.all(range(1, 11))
    return (time.monotonic() - began) / 10


@pytest.mark.parametrize("opened", [lines, sqlite])
def test_no_fact_is_lost_or_doubled_and_the_alias_is_where_the_ledger_says(
    opened: Callable[[Path], Ledger], tmp_path: Path
) -> None:
    chance, killed = random.Random(7), 0  # noqa: S311 - no key is made of it
    work = BUILDS * seconds_of_one(tmp_path / "alone", opened)
    for turn in range(KILLS):
        first = turn * 2 * BUILDS + 1
        hurt, other = range(first, first + 2 * BUILDS, 2), range(first + 1, first + 2 * BUILDS, 2)
        victim = child(tmp_path, opened, hurt, ends=chance.uniform(0.0, work))
        survivor = child(tmp_path, opened, other)
        ended = os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1])
        assert ended in (-signal.SIGALRM, 0)
        killed += ended != 0
        assert os.waitstatus_to_exitcode(os.waitpid(survivor, 0)[1]) == 0
        house = OnDisk(tmp_path, opened)
        house.all(hurt)
        promoted = [build for what, _, build in house.facts() if what == "promoted"]
        assert promoted == sorted(set(promoted))
        deployed = [build for what, _, build in house.facts() if what == "deployed"]
        assert sorted(deployed) == sorted(
            set(deployed)
        )  # who was killed before its promotion stands before a slower one
        assert set(promoted) <= set(deployed)  # who was killed between the two may have been overtaken
        assert promoted[-1] == first + 2 * BUILDS - 1
        assert house.alias() == promoted[-1] % 4 + 1
        assert house.found() == ()
    assert killed > KILLS // 4  # who was overtaken by the other has less to do
