"""Each fact once: whoever is killed, wherever the ledger is away, whichever run reuses what another one made."""

import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.core import digest
from mlagent.core.stage import Needs
from mlagent.engine import telling
from mlagent.engine.log import EngineLog
from mlagent.errors import GateRefused, InfrastructureError
from tests.pipeline.engine.test_a_killed_run_goes_on import in_child, kill_at
from tests.pipeline.engine.told import CHAIN, everything, facts, failing, project_with_load, said
from tests.unit.engine.chain import run, runner, stage, workspace

ALL = ["verdict gate size pass", "data-accepted", "verdict meter load pass", "run-finished done"]
DEPLOY = stage(
    "deploy@staging",
    effect="converge",
    section="staging",
    environment="staging",
    reads=("onnx",),
    needs=Needs(trusted_node=True),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_load(tmp_path / "small")


@pytest.fixture
def away() -> Iterator[set[tuple[str, bool]]]:
    """Calls of the ledger that fail, while they stand in this set: before they are heard (False), or after."""
    calls: set[tuple[str, bool]] = set()
    with failing(lambda name, heard: (name, heard) in calls):
        yield calls


class Undisturbed:
    """What the chain tells, and the writer at each boundary at which it can be killed."""

    def __init__(self, folder: Path) -> None:
        project, self.names = project_with_load(folder), list[str]()
        path = folder / "names"

        def note(_: int, name: str) -> None:
            with path.open("a") as file:
                file.write(name + "\n")

        assert in_child(project, note, chain=CHAIN) == 0
        self.names, self.told = path.read_text().split(), everything(project)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    found = Undisturbed(tmp_path_factory.mktemp("undisturbed"))
    assert sum(found.told.values()) == len(ALL)
    assert found.names.count("append") == 2 * len(ALL)
    return found


@pytest.mark.parametrize("every", [25, pytest.param(1, marks=pytest.mark.long)])
def test_whoever_is_killed_at_any_boundary_loses_and_doubles_nothing(
    undisturbed: Undisturbed, tmp_path: Path, every: int
) -> None:
    """Around each entry, and at every 25th of the others; in the long form at all of them."""
    for moment, name in enumerate(undisturbed.names):
        if name != "append" and moment % every:
            continue
        project = project_with_load(tmp_path / str(moment))
        assert in_child(project, kill_at(moment), chain=CHAIN) == -signal.SIGKILL, moment
        assert in_child(project, chain=CHAIN) == 0, moment
        assert everything(project) == undisturbed.told, (moment, name)
        assert in_child(project, chain=CHAIN) == 0, moment
        assert everything(project) == undisturbed.told, (moment, name)
        shutil.rmtree(project)


def test_killed_again_and_again_around_its_entries_it_tells_each_once(undisturbed: Undisturbed, tmp_path: Path) -> None:
    project, kills = project_with_load(tmp_path / "small"), 0
    seen: list[int] = []

    def at_the_next_entry(count: int) -> Callable[[int, str], None]:
        def at(_: int, name: str) -> None:
            seen.append(1) if name == "append" else None
            if len(seen) > count:
                os.kill(os.getpid(), signal.SIGKILL)

        return at

    while in_child(project, at_the_next_entry(kills % 2), chain=CHAIN) == -signal.SIGKILL:
        kills += 1
        assert kills < 50
    assert kills >= len(ALL)
    assert everything(project) == undisturbed.told


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(one, marks=pytest.mark.long) for one in range(12, 200))])
def test_a_ledger_that_fails_at_random_hears_all_once_in_the_end(project: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's moments
    likely = chance.choice((0.1, 0.4, 0.8))
    chain = (*CHAIN, DEPLOY)
    with failing(lambda *_: chance.random() < likely):
        for _ in range(6):
            one = None
            try:
                one = runner(project, *chain)
                one.run_all()
            except InfrastructureError:
                pass
            finally:
                if one:
                    one.lease.release()
    run(project, *chain)
    assert Counter(said(project)) == Counter(ALL), seed
    assert len({fact.run for fact in facts(project)}) == 1
    assert len({fact.build for fact in facts(project)} - {0}) == 1


def test_a_run_that_only_reuses_asks_nothing_of_the_ledger(project: Path, away: set[tuple[str, bool]]) -> None:
    run(project, *CHAIN)
    away |= {(name, False) for name in ("append", "about", "next_build")}
    ended = run(project, *CHAIN).run
    assert (said(project), ended.untold, ended.attempt) == (ALL, [], 2)


def test_a_ledger_that_is_away_stops_no_run_and_is_told_later_when_it_happened(
    project: Path, away: set[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    away |= {(name, False) for name in ("append", "next_build")}
    warnings: list[str] = []
    monkeypatch.setattr(EngineLog, "warning", lambda _, event: warnings.append(event))
    first = runner(project, *CHAIN)
    first.run_all()
    first.lease.release()
    assert {entry.state for entry in first.run.stages.values()} == {"done"}
    assert (said(project), len(first.run.untold), first.run.build) == ([], len(ALL), 0)
    assert [one.partition(":")[0] for one in warnings] == [
        "the ledger gives no build number",
        "the ledger was not told of 4 facts",
    ]
    away.clear()
    monkeypatch.setattr(telling, "now", lambda: "2126-01-01T00:00:00.000+00:00")
    second = run(project, *CHAIN).run
    assert said(project) == ALL
    assert (second.build, {one.build for one in facts(project)}) == (1, {1})
    assert {one.time for one in facts(project)} == {"2126-01-01T00:00:00.000+00:00"}
    assert [one.details["happened"] for one in facts(project)] == [one.time for one in first.run.untold]
    run(project, *CHAIN)
    assert said(project) == ALL


def test_an_answer_that_is_lost_is_not_taken_for_a_no(project: Path, away: set[tuple[str, bool]]) -> None:
    away.add(("append", True))
    run(project, *CHAIN)
    assert said(project) == ALL[:2], "the first was heard, and seen to be; then the next"
    away.clear()
    run(project, *CHAIN)
    assert said(project) == ALL


def test_no_promotion_goes_on_while_something_is_untold(project: Path, away: set[tuple[str, bool]]) -> None:
    away.add(("append", False))
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        run(project, *CHAIN, DEPLOY)
    assert "deploy@staging" not in (project / "calls").read_text()
    away.clear()
    run(project, *CHAIN, DEPLOY)
    assert "deploy@staging" in (project / "calls").read_text()
    assert said(project) == ALL


def test_no_stage_that_tells_others_of_the_build_begins_without_its_number(
    project: Path, away: set[tuple[str, bool]]
) -> None:
    away.add(("next_build", False))
    push = stage("push", effect="publish", reads=("onnx",), needs=Needs(trusted_node=True))
    with pytest.raises(InfrastructureError, match="next_build"):
        run(project, *CHAIN, push)
    assert "push" not in (project / "calls").read_text()
    away.clear()
    assert run(project, *CHAIN, push).run.build == 1


def test_a_damaged_ledger_stops_no_run(project: Path) -> None:
    run(project, *CHAIN)
    store = workspace(project, *CHAIN).store
    store.write("ledger/entries/000000000004", b"{")
    (project / "load").write_text("0.7")
    run(project, *CHAIN, force={"meter": "again"})
    store.remove("ledger/entries/000000000002")
    ended = run(project, *CHAIN, force={"meter": "once more"})
    assert ended.run.stages["meter"].state == "done"


def test_what_another_run_made_and_told_is_not_told_again(project: Path) -> None:
    first = run(project, *CHAIN).run
    other = run(project, *CHAIN, sets={"meter.knob": 1}).run
    assert other.run_id != first.run_id
    assert list(said(project)[len(ALL) :]) == ["verdict meter load pass", "run-finished done"]
    assert {one.run for one in facts(project)[len(ALL) :]} == {other.run_id}


def test_what_another_run_made_and_did_not_live_to_tell_is_told_as_that_ones(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Killed around the gate's end, then never again given: the run after it tells what that one judged; each once."""
    gate_told = undisturbed.names.index("append")
    for moment in (*range(gate_told - 12, gate_told), gate_told + 1):
        project = project_with_load(tmp_path / str(moment))
        assert in_child(project, kill_at(moment), chain=CHAIN) == -signal.SIGKILL
        for knob in (1, 2):
            run(project, *CHAIN, sets={"meter.knob": knob})
        once = Counter(said(project))
        assert once[ALL[0]] == once["data-accepted"] == 1, moment
        assert once["run-finished done"] == 2
        run(project, *CHAIN)  # and that one, should it be given again after all
        assert Counter(said(project)) == once + Counter(ALL[2:]), moment


def test_the_same_no_is_told_by_each_run_that_it_ends_and_its_verdict_by_the_one_that_judged(project: Path) -> None:
    for knob in (0, 1):
        with pytest.raises(GateRefused):
            run(project, *CHAIN, sets={"gate.knob": -1, "meter.knob": knob})
    assert said(project) == ["verdict gate size fail", *["run-finished gate refused"] * 2]


def test_the_clock_of_a_machine_that_is_behind_is_borne_until_it_is_right(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = ObjectLedger.append

    def refuse(self: ObjectLedger, fact: object) -> object:
        raise InfrastructureError("this machine's clock is behind the ledger by 5 minutes")

    monkeypatch.setattr(ObjectLedger, "append", refuse)
    run(project, *CHAIN)
    monkeypatch.setattr(ObjectLedger, "append", append)
    run(project, *CHAIN)
    assert said(project) == ALL


def test_what_a_run_before_the_ledger_made_is_told_by_the_first_that_reuses_it(project: Path) -> None:
    """As those of an older mlagent, whose records tell nothing, and whose verdicts lie in no store."""
    first = run(project, *CHAIN)
    store, untaught = first.workspace.store, {"told": [], "untold": [], "ended": ""}
    record = msgspec.json.decode((first.folder / "run.json").read_bytes())
    store.write(f"runs/{first.run.run_id}", msgspec.json.encode({**record, **untaught}))
    for name in [*store.names("ledger/entries/"), "ledger/head"]:
        store.remove(name)
    for one in first.run.stages["gate"].verdicts:
        store.drop(digest.of_json(one))
    other = run(project, *CHAIN, sets={"meter.knob": 1}).run
    assert Counter(said(project)) == Counter(ALL)
    made_by = {one.what: one.details.get("made_by") for one in facts(project)}
    assert (made_by["data-accepted"], made_by["run-finished"]) == (first.run.run_id, None)
    assert {one.run for one in facts(project)} == {other.run_id}
    assert sum(everything(project).values()) == len(ALL)
