"""Two releases go the whole way by the commands that a user gives: from check to production, and back."""

import json
import subprocess
import time
import urllib.request
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import Fact, entries
from tests.cluster.house import until
from tests.e2e.rollout.bed import MODEL
from tests.e2e.rollout.home import Home

SOAK_SECONDS, REQUESTS = 8, 20  # long enough that a soak is asked before it is over
SOAK = {f"MLAGENT_{one}_SOAK_MINUTES": str(SOAK_SECONDS / 60) for one in ("STAGING", "PRODUCTION")}
FEW = {f"MLAGENT_{one}_SOAK_REQUESTS_MIN": str(REQUESTS) for one in ("STAGING", "PRODUCTION")}
SMALL = {f"MLAGENT_{one}_REPLICAS": "1" for one in ("STAGING", "PRODUCTION")}
ENV = SOAK | FEW | SMALL
Ended = subprocess.CompletedProcess[str]


class Way(NamedTuple):
    """A release in production, the commands that brought it there, and how its stages stood after each."""

    home: Home
    project: Path
    ended: list[Ended]
    states: list[dict[str, str]]


def mlagent(home: Home, project: Path, *args: str) -> Ended:
    return home.mlagent(project, *args, env=ENV)


def done(home: Home, project: Path, *args: str) -> str:
    """What it said; it must have come."""
    ended = mlagent(home, project, *args)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def states(home: Home, project: Path) -> dict[str, str]:
    return {name: stage["state"] for name, stage in home.bed.record(project)["stages"].items()}


def ask(home: Home, environment: str) -> str:
    """The version that answers a golden row."""
    body = home.body().encode()
    request = urllib.request.Request(home.url(environment), body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["x-model-version"])


def alone(home: Home, environment: str) -> bool:
    """Whether no other pod is there, leaving ones included."""
    return len(home.pods(environment)) == 1


def go(home: Home, project: Path) -> Way:
    """The one command, given again after each soak, in which requests come."""
    way = Way(home, project, [], [])
    for environment in ("staging", "production"):
        _step(way)
        assert way.ended[-1].returncode == 21, way.ended[-1].stdout + way.ended[-1].stderr
        until(partial(alone, home, environment))  # what leaves still answers for some seconds
        for _ in range(REQUESTS):
            ask(home, environment)
        since = datetime.fromisoformat(standing(home, environment)["since"])
        time.sleep(max(0.0, (since - datetime.now(UTC)).total_seconds() + SOAK_SECONDS))
    _step(way)
    return way


def run(way: Way) -> Path:
    """The folder of its run."""
    return way.project / ".mlagent/runs" / way.home.bed.record(way.project)["run_id"]  # type: ignore[no-any-return]


def _step(way: Way) -> None:
    way.ended.append(mlagent(way.home, way.project, "run"))
    way.states.append(states(way.home, way.project))


def standing(home: Home, environment: str = "production") -> dict[str, Any]:
    (row,) = json.loads(done(home, home.one, "status", "--env", environment, "--json"))
    return row  # type: ignore[no-any-return]


def facts(home: Home) -> list[Fact]:
    """The ledger's, the oldest first."""
    return [one.fact for one in entries(ObjectLedger(open_store(home.store)))]


def alias(home: Home, name: str) -> int | None:
    """The version that it points at."""
    found = LocalRegistry(open_store(home.store)).pointed(MODEL, name)
    return found.number if found else None


def names_of(home: Home, environment: str = "production") -> set[str]:
    return {pod["metadata"]["name"] for pod in home.pods(environment) if "deletionTimestamp" not in pod["metadata"]}


@pytest.fixture(scope="module")
def first(home: Home) -> Way:
    """The first release, all the way."""
    return go(home, home.one)


@pytest.fixture(scope="module")
def second(first: Way) -> Way:
    """And then the second one."""
    return go(first.home, first.home.two)


@pytest.fixture
def newest(second: Way) -> Home:
    """The second release serves in production, whatever a test before has done there."""
    mlagent(second.home, second.home.two, "rollback", "--env", "production", "--to", "2")
    assert ask(second.home, "production") == "2"
    return second.home


def rolled_back(home: Home, project: Path, *args: str) -> str:
    return done(home, project, "rollback", "--env", "production", *args)


def test_one_command_goes_as_far_as_a_soak_lets_it(first: Way) -> None:
    assert [one.returncode for one in first.ended] == [21, 21, 0]
    last = ("deploy@staging", "soak@staging", "deploy@production", "soak@production")
    assert [tuple(one.get(name, "not run") for name in last) for one in first.states] == [
        ("done", "held", "not run", "not run"),
        ("done", "done", "done", "held"),
        ("done", "done", "done", "done"),
    ]
    for ended, environment in zip(first.ended, ("staging", "production"), strict=False):
        assert f"soaks until {standing(first.home, environment)['since'][:11]}" in ended.stderr
        assert "s from now" in ended.stderr
        assert "the same command then" in ended.stderr


def test_what_soaked_was_counted_by_its_pods(first: Way) -> None:
    for environment in ("staging", "production"):
        soaked = json.loads((run(first) / f"soak@{environment}/soaked.json").read_text())
        assert (soaked["outcome"], soaked["requests"], soaked["errors"]) == ("pass", REQUESTS, 0)


def test_status_says_what_runs_where_since_when(second: Way) -> None:
    home, record = second.home, second.home.bed.record(second.project)
    for row in json.loads(done(home, home.two, "status", "--json")):
        assert (row["state"], row["version"], row["build"]) == ("serving", "2", record["build"])
        assert row["digest"] == home.bed.image(home.two).partition("@")[2]
        assert row["commit"] == record["commit"]
        assert row["data"].startswith("sha256:")
        assert (row["ready"], row["wanted"]) == (1, 1)
        assert row["since"][:19].replace("T", " ") in done(home, home.two, "status", "--env", row["environment"])


def test_ledger_and_aliases_follow_in_order(second: Way) -> None:
    came = [(fact.environment, fact.build) for fact in facts(second.home) if fact.what == "promoted"]
    assert came == [("staging", 1), ("production", 1), ("staging", 2), ("production", 2)]
    assert [alias(second.home, one) for one in ("staging", "production")] == [2, 2]


def test_the_page_of_the_run_tells_how_it_came(second: Way) -> None:
    page = (run(second) / "report.html").read_text()
    for environment in ("staging", "production"):
        assert f"Ready pods in {environment} over time" in page
        assert f"{environment}: version 2 came (version 1 served before); done after" in page


def test_the_same_deploy_again_moves_nothing(newest: Home) -> None:
    before = (names_of(newest), facts(newest), standing(newest))
    done(newest, newest.two, "deploy", "--env", "production")
    assert (names_of(newest), facts(newest), standing(newest)) == before


def test_a_rollback_brings_back_what_served_before_and_given_again_it_moves_nothing(newest: Home) -> None:
    said = rolled_back(newest, newest.two, "--reason", "wrong for vans")
    assert "serves insurance-risk version 1" in said
    assert "in the place of insurance-risk version 2" in said
    assert (ask(newest, "production"), alias(newest, "production"), alias(newest, "staging")) == ("1", 1, 2)
    last = facts(newest)[-1]
    assert (last.what, last.environment, last.build) == ("rolled-back", "production", 1)
    assert (last.details["reason"], last.details["from_version"]) == ("wrong for vans", "2")
    before = (names_of(newest), facts(newest))
    assert "nothing was moved" in rolled_back(newest, newest.two)
    assert (names_of(newest), facts(newest)) == before


def test_what_was_rolled_back_does_not_come_again_by_itself(newest: Home) -> None:
    rolled_back(newest, newest.two, "--reason", "wrong for vans")
    ended = mlagent(newest, newest.two, "deploy", "--env", "production")
    assert ended.returncode == 12, ended.stderr
    assert "was rolled back there" in ended.stderr
    assert "wrong for vans" in ended.stderr
    assert "mlagent rollback --to" in ended.stderr
    assert ask(newest, "production") == "1"


def test_a_rollback_works_in_a_fresh_clone(newest: Home, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", newest.two, clone], check=True)
    rolled_back(newest, clone)
    assert not (clone / ".mlagent/runs").exists()
    assert (ask(newest, "production"), alias(newest, "production")) == ("1", 1)


def test_a_rollback_asks_no_registry_of_images(newest: Home) -> None:
    newest.bed.registry.stop()
    try:
        rolled_back(newest, newest.two)
        assert ask(newest, "production") == "1"
    finally:
        newest.bed.registry.start()
