"""A release that does not get well is taken back by itself, and what served goes on serving, all the time."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import MOVES, entries
from tests.cluster.load import loading
from tests.cluster.scene import Scene, scene, watching
from tests.e2e.rollout.bed import MODEL
from tests.e2e.rollout.home import Home
from tests.parts.registry import Registry

BASE = Path(os.environ["MLAGENT_TEST_BASE"])
NOWHERE = "sha256:" + "9" * 64


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Scene]:
    """Version 1 serves in full."""
    with scene(tmp_path_factory.mktemp("scene"), registry, BASE) as made:
        made.comes(made.wanted("serves", 1))
        yield made


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("crashing", "crash-loop: container server"),
        ("never_ready", " does not get ready)"),
        ("out_of_memory", "out-of-memory: container server was killed"),
        ("", "image-pull: container server"),
    ],
)
def test_what_does_not_get_ready_goes_and_the_stable_version_serves_in_full_throughout(
    placed: Scene, kind: str, reason: str
) -> None:
    nowhere = f"{placed.image('serves', 1).partition('@')[0]}@{NOWHERE}"
    said, patience = list[str](), 10 if kind == "never_ready" else 60
    wanted = placed.wanted(kind, 2, image="" if kind else nowhere, memory_mb=64, progress_seconds=patience)
    with watching(placed) as watch:
        state = placed.bring(wanted, said).state
    assert state.phase == "undone", said
    assert reason in state.reason
    assert f"undoing: {state.reason}" in said
    assert any(line.endswith("said: boom: no such model") for line in said) == (kind == "crashing")
    assert watch.fewest(1) == min(watch.reached) == 2
    assert placed.serving() == {"1": 2}


def test_one_that_answers_with_errors_goes_by_what_its_pods_count(placed: Scene, tmp_path: Path) -> None:
    wanted, said = placed.wanted("answers_errors", 2, settle_seconds=8), list[str]()
    with watching(placed) as watch, loading(placed.url(), tmp_path / "during.json", keep_alive=False) as load:
        state = placed.bring(wanted, said).state
        time.sleep(1)  # the node's rules follow
        during = load.stop()
    with loading(placed.url(), tmp_path / "after.json", keep_alive=False) as load:
        time.sleep(2)
        after = load.stop()
    assert state.phase == "undone", said
    assert "error rate" in state.reason
    assert {one.kind for one in during.failed} == {"status 500"}
    assert watch.fewest(1) == 2, "it was found out before an old pod went"
    assert min(watch.reached) >= 2
    assert placed.serving() == {"1": 2}
    assert after.failed == ()
    assert set(after.versions) == {"1"}


def test_a_first_release_that_is_bad_leaves_nothing_behind_that_serves(tmp_path: Path, registry: Registry) -> None:
    with scene(tmp_path / "scene", registry, BASE) as made:
        said: list[str] = []
        state = made.bring(made.wanted("out_of_memory", 1, memory_mb=64), said).state
        assert state.phase == "undone", said
        assert "out-of-memory" in state.reason
        assert made.serving() == {}


def test_the_command_says_so_and_has_moved_neither_ledger_nor_alias(home: Home) -> None:
    home.deploy(home.one)
    before = promoted(home)
    ended = home.mlagent(home.two, "deploy", "--env", "staging", "--variables", '{"PYTHONHOME": "/nowhere"}')
    assert ended.returncode == 30, ended.stdout + ended.stderr
    error = json.loads((home.two / ".mlagent/error.json").read_text())
    assert (error["exit_code"], error["category"], error["retryable"]) == (30, "rolled-back", False)
    assert "crash-loop: container server" in error["message"]
    assert error["message"] in ended.stderr
    assert "said: " in ended.stderr
    assert promoted(home) == before == (1, 1)


def promoted(home: Home) -> tuple[int, int | None]:
    """How many moves the ledger has, and the version that the alias points at."""
    store = open_store(home.store)
    found = LocalRegistry(store).pointed(MODEL, "staging")
    moves = [one for one in entries(ObjectLedger(store)) if one.fact.what in MOVES]
    return len(moves), found.number if found else None
