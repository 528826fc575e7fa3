"""Promoters as processes on the real MLflow and PostgreSQL: all at once, and killed by signal 9 in the middle."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import pytest

from mlagent.errors import PolicyRefused
from mlagent.ledger.promotion import Move, rolled_back
from tests.contract.ledgers import forked
from tests.e2e.ledger import servers
from tests.e2e.ledger.promoters import Place, Real
from tests.e2e.ledger.servers import Mlflow
from tests.parts.keys import pair

ENVIRONMENTS = ("staging", "production")
PROCESSES, BUILDS = 6, 6
KILLS, SEED = 20, 11
UNTOUCHED, DONE = "nothing", "all of it"
OTHERS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

Make = Callable[..., Place]


@pytest.fixture
def place(mlflow: Mlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A model of its own in the registry, and an empty ledger."""
    with servers.database() as url:
        monkeypatch.setenv("TEAM_MLFLOW", mlflow.password)
        monkeypatch.setenv("TEAM_LEDGER", url)
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):  # MLflow's client is told by these
            monkeypatch.setenv(name, "")
        yield lambda model, **keys: Place(model, mlflow.url, mlflow.user, tmp_path, **keys)


def promote(place: Place, build: int, environment: str) -> str:
    """What became of it, in a process of its own."""
    try:
        settled = Real(place).promote(build % 4 + 1, environment, build=build, who=f"build {build}")
    except PolicyRefused as error:
        assert "has been promoted there" in error.message
        return "refused"
    return "came" if settled.appended else "was there"


def test_of_builds_that_come_to_two_environments_at_once_each_is_told_once_and_no_older_one_after_a_later(
    place: Make, tmp_path: Path
) -> None:
    here = place("meets", pair=pair(tmp_path / "keys"), cosign=os.environ["MLAGENT_TEST_COSIGN"])
    house, chance = Real(here).founded(), random.Random(SEED)  # noqa: S311 - no key is made of it
    tasks = [(build, name) for build in range(1, BUILDS + 1) for name in ENVIRONMENTS] * 2
    tasks.sort(key=lambda one: one[0] + chance.uniform(0, 3))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        became = list(pool.map(promote, [here] * len(tasks), *zip(*tasks, strict=True)))
    came = [task for task, how in zip(tasks, became, strict=True) if how == "came"]
    assert Counter(came) == Counter((build, name) for _, name, build in house.moves())
    assert [one for one in house.facts() if one[0] == "deployed"] == [("deployed", *one[1:]) for one in house.moves()]
    assert set(became) >= {"came", "refused"}
    for environment in ENVIRONMENTS:
        order = [build for _, name, build in house.moves() if name == environment]
        assert order == sorted(set(order))
        assert order[-1] == BUILDS
        assert_agree(house, environment)
    assert len(house.anchors()[0].read()) == len({build % 4 + 1 for build, _ in came})
    assert house.found() == ()


def assert_agree(house: Real, environment: str, cause: str = "") -> None:
    entry = house.standing(environment)
    assert entry is not None, cause
    assert house.lacks(entry) == set(), cause


class Teller:
    """Moves that may come, one after the other, and what must be told of them."""

    def __init__(self, house: Real, chance: random.Random) -> None:
        self.house, self.chance, self._build = house, chance, 0
        self.there: dict[str, list[tuple[int, int]]] = {one: [] for one in ENVIRONMENTS}  # versions and their builds
        self.told: list[tuple[str, str, int]] = []

    def move(self, environment: str | None = None) -> Move:
        """A promotion of another version than the one that is there, or a way back."""
        environment = environment or self.chance.choice(ENVIRONMENTS)
        there = self.there[environment]
        if len(there) > 1 and self.chance.random() < 0.25:
            to, left = (self.house.release(version, build=build) for version, build in there[-2:])
            return rolled_back(to, environment, "ann", left=left, reason="errors", placement="p")
        self._build += 1
        others = {1, 2, 3, 4} - {version for version, _ in there[-1:]}
        return self.house.promotion(self.chance.choice(sorted(others)), environment, build=self._build)

    def note(self, move: Move, cause: str, before: int = 0) -> int:
        """How many of its facts are written down, of which so many were `before`; it holds the ledger against them."""
        build, name = move.release.build, move.environment
        whole = [(what, name, build) for what in ("deployed", move.what) if what == move.what or move.deployed]
        new = self.house.facts()[len(self.told) :]
        assert new == whole[before : before + len(new)], cause
        self.told += new
        if new and before + len(new) == len(whole):
            there = self.there[name]
            there.append((move.release.version or 0, build)) if move.what == "promoted" else there.pop()
        return before + len(new)

    def settle(self, move: Move, cause: str, before: int = 0) -> float:
        """In whole; the seconds it took."""
        begun = time.monotonic()
        settled = self.house.settle(move)
        took = time.monotonic() - begun
        assert self.note(move, cause, before) == (2 if move.deployed else 1), cause
        assert settled.notes == (), cause
        return took

    def left(self, move: Move, written: int) -> str:
        """What there is of a move that was cut off."""
        if written < (2 if move.deployed else 1):
            return "the deploy, and no move" if written else UNTOUCHED
        entry = self.house.standing(move.environment)
        lacks = self.house.lacks(entry) if entry else set()
        return f"the move without {sorted(lacks)}" if lacks else DONE


def settle(place: Place, move: Move) -> None:
    Real(place).settle(move)


def until_alone(url: str) -> None:
    """Until the database has ended what a dead process asked it for."""
    end = time.monotonic() + 30
    while servers.ask(url, OTHERS):
        assert time.monotonic() < end
        time.sleep(0.01)


def killed(place: Place, move: Move, moment: float) -> bool:
    """A process that settles it, and dies so many seconds after it began; whether it had not ended by then."""
    victim = forked(settle, place, move)
    time.sleep(moment)
    victim.kill()
    victim.join()
    until_alone(os.environ["TEAM_LEDGER"])
    assert victim.exitcode in (0, -signal.SIGKILL)
    return victim.exitcode != 0


def test_after_a_promoter_was_killed_at_any_moment_the_next_one_makes_all_agree(place: Make) -> None:
    here = place("dies")
    teller = Teller(Real(here).founded(), random.Random(SEED))  # noqa: S311 - no key is made of it
    took, left = [teller.settle(teller.move(name), "the first") for name in ENVIRONMENTS], Counter[str]()
    for turn in range(KILLS):
        move, moment = teller.move(), teller.chance.uniform(0.1, 1.0) * median(took[-5:])
        hit, cause = killed(here, move, moment), f"seed {SEED}, kill {turn}, after {moment:.3f} s"
        written = teller.note(move, cause)
        state = teller.left(move, written)
        left[state] += hit
        cause = f"{cause}, which left {state}"
        if teller.chance.random() < 0.5:
            teller.settle(move, cause, written)
        else:
            took.append(teller.settle(teller.move(), cause))
        for environment in ENVIRONMENTS:
            assert_agree(teller.house, environment, cause)
        assert teller.house.facts() == teller.told, cause
        assert teller.house.found() == (), cause
    assert left.total() >= KILLS // 3, left
    assert len([one for one in +left if one not in (UNTOUCHED, DONE)]) >= 2, left
