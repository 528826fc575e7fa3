"""`mlagent status`, `rollback` and `rollout …` on a cluster in memory."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.cli import rollout
from mlagent.cli.app import App
from mlagent.cli.rollback import rollback
from mlagent.cli.status import Row, status
from mlagent.config.environments import Staging
from mlagent.core.ports.ledger import entries
from mlagent.engine.clock import now
from mlagent.errors import ConfigError, Held, InfrastructureError, InputError, Interrupted, RolledBack
from mlagent.ledger import promotion
from mlagent.ledger.anchors import Anchor, Annotation, VersionTags
from mlagent.ledger.promotion import Move, settle
from mlagent.rollout import place
from mlagent.rollout.drive import drive
from mlagent.rollout.release import Placed
from tests.rollout_cluster import MODEL, manifest
from tests.rollout_house import release
from tests.soak_house import SETTINGS, House

YAML = """\
project:
  name: risk
data:
  path: data.csv
  target: y
staging:
  namespace: risk-staging
  progress_seconds: 20
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    (tmp_path / "mlpipeline.yaml").write_text(YAML)
    return House(tmp_path, monkeypatch)


def app(house: House) -> App:
    return App({}, folder=str(house.folder))


def run(house: House, command: click.Command, *args: str) -> str:
    """What it printed; errors as they are raised."""
    runner = CliRunner()
    return runner.invoke(command, args, obj=app(house), standalone_mode=False, catch_exceptions=False).output


def back(house: House, *args: str) -> str:
    return run(house, rollback, "--env", "staging", *args)


def row(told: str, environment: str = "staging") -> str:
    return next(one for one in told.splitlines() if one.startswith(environment))


# status


def test_each_environment_is_a_row_also_one_that_is_not_set_up(house: House) -> None:
    house.serve(1, 2)
    told = run(house, status)
    assert row(told).split()[1:3] == ["2", "000000000000"]
    assert " 20 " in row(told)
    assert " 3/3 " in row(told)
    assert "deploy to version 2 done" in row(told)
    assert row(told, "production").endswith("production.namespace is not set")


def test_an_empty_environment_and_one_that_is_away_are_rows_too(house: House) -> None:
    assert "nothing is deployed" in row(run(house, status))
    house.cluster.away = True
    assert "away: " in row(run(house, status))
    with pytest.raises(InfrastructureError):
        run(house, status, "--env", "staging")
    with pytest.raises(ConfigError, match=r"production\.namespace is not set"):
        run(house, status, "--env", "production")


def test_programs_are_told_in_full(house: House) -> None:
    placed = house.serve(1)
    (found,) = msgspec.json.decode(run(house, status, "--env", "staging", "--json"), type=list[Row])
    assert found.state == "serving"
    assert (found.version, found.digest, found.since) == ("1", release(1).digest, placed.since)
    assert (found.build, found.ready, found.wanted) == (10, 3, 3)


def test_a_hand_that_has_set_fields_of_ours_is_named(house: House) -> None:
    house.serve(1)
    house.place.by_hand(lambda live: live["spec"].update(replicas=5), "kubectl-scale")
    (found,) = msgspec.json.decode(run(house, status, "--env", "staging", "--json"), type=list[Row])
    assert "kubectl-scale has set spec.replicas" in found.said


# rollback


def test_one_command_goes_back_and_the_same_again_does_nothing(house: House) -> None:
    house.serve(1, 2)
    told = back(house, "--reason", "prices are wrong")
    assert f"staging serves {release(1)} again in the place of {release(2)}." in told
    assert "It was verified when it was deployed." in told
    assert house.place.serves() == ["p1"] * 3
    again = back(house)
    assert f"staging serves {release(1)} already: nothing was moved." in again
    facts = [one.fact for one in entries(app(house).workspace().ledger)]
    assert [(one.what, one.details["reason"]) for one in facts] == [("rolled-back", "prices are wrong")]


def test_in_an_empty_workspace_it_works_and_says_that_no_alias_moved(house: House) -> None:
    house.serve(1, 2)
    assert "Note: the registry of models that is asked here does not know risk version 1" in back(house)


def in_order(house: House, *versions: int) -> None:
    """They serve one after the other, and registry and ledger of the project tell of that."""
    there = app(house).workspace()
    for version in versions:
        there.registry.register(MODEL, release(version).onnx, {})
        move = Move(what="promoted", release=release(version), environment="staging", who="ann")
        anchors: list[Anchor] = [VersionTags(there.registry, MODEL), Annotation(house.cluster, MODEL)]
        settle(move, there.registry, there.ledger, anchors, None, now)
    house.serve(*versions)


def test_the_alias_moves_where_the_registry_knows_the_release(house: House) -> None:
    in_order(house, 1, 2)
    assert "Note" not in back(house)
    there = app(house).workspace()
    pointed = there.registry.pointed(MODEL, "staging")
    assert pointed is not None
    assert pointed.number == 1
    (version, _) = there.registry.versions(MODEL)
    assert version.tags["ledger.staging"].startswith("3 ")


def test_what_is_not_as_the_ledger_says_is_named_and_does_not_block_the_way_back(house: House) -> None:
    in_order(house, 1, 2)
    app(house).workspace().registry.point(MODEL, "staging", 1, 2)
    told = back(house)
    assert "Note: the alias staging was moved by hand: it points at version 1" in told
    assert f"staging serves {release(1)} again" in told


def test_a_rollback_that_was_cut_off_before_the_ledger_was_told_is_told_by_the_next_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.place.time = datetime.now(UTC)
    in_order(house, 1, 2)

    def killed(*_: object) -> None:
        raise Interrupted(9)

    monkeypatch.setattr(promotion, "settle", killed)
    with pytest.raises(click.Abort):
        back(house, "--reason", "prices are wrong")
    monkeypatch.undo()
    house.patch(monkeypatch)
    told = back(house)
    assert "and the ledger did not tell of that: it does now" in told
    assert "already: nothing was moved" in told
    facts = [one.fact for one in entries(app(house).workspace().ledger)]
    assert [one.what for one in facts] == ["promoted", "promoted", "rolled-back"]
    assert facts[-1].details["reason"] == "prices are wrong"


def test_a_ledger_that_is_away_does_not_block_the_way_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    in_order(house, 1, 2)

    def away(*_: object) -> None:
        raise InfrastructureError("the ledger is away")

    monkeypatch.setattr(ObjectLedger, "head", away)
    monkeypatch.setattr(ObjectLedger, "about", away)
    with pytest.raises(InfrastructureError, match="the ledger is away"):
        back(house)
    assert house.place.serves() == ["p1"] * 3
    monkeypatch.undo()
    house.patch(monkeypatch)
    back(house)
    assert next(app(house).workspace().ledger.about(MODEL, "staging")).fact.what == "rolled-back"


def test_a_named_release_is_gone_to_and_one_that_never_served_is_refused(house: House) -> None:
    house.serve(1, 2, 3)
    assert f"serves {release(1)} again" in back(house, "--to", "1")
    with pytest.raises(InputError, match="'4' has not served here in full"):
        back(house, "--to", "4")


def test_what_serves_already_is_no_entry_in_the_ledger(house: House) -> None:
    house.serve(1, 2)
    assert "already" in back(house, "--to", "2")
    assert list(entries(app(house).workspace().ledger)) == []


def test_new_pods_that_crash_do_not_stand_in_the_way(house: House) -> None:
    served = house.serve(1)
    image = release(2).image
    house.cluster.programs[image] = msgspec.structs.replace(house.cluster.programs[image], wrong="crash")

    def kill(_: int) -> None:
        raise Interrupted(9)

    house.place.meanwhile = kill
    with pytest.raises(Interrupted):
        house.place.deploy(2, served)
    house.place.meanwhile = lambda _: None
    assert f"staging serves {release(1)} again in the place of {release(2)}" in back(house)
    assert house.place.serves() == ["p1"] * 3


def test_an_older_one_that_does_not_come_up_any_more_is_told(house: House) -> None:
    house.serve(1, 2)
    image = release(1).image
    house.cluster.programs[image] = msgspec.structs.replace(house.cluster.programs[image], wrong="pull")
    with pytest.raises(RolledBack, match=r"risk version 1 .* did not come up in staging"):
        back(house)
    assert house.place.serves() == ["p2"] * 3


def test_nothing_deployed_is_nothing_to_go_back_from(house: House) -> None:
    with pytest.raises(InputError, match="nothing is deployed in staging"):
        back(house)


# rollout


def ask(house: House, what: str, *args: str) -> str:
    return run(house, rollout.rollout, what, "--env", "staging", *args)


class Deployer(threading.Thread):
    """Brings version 2 in another thread, as another process would."""

    def __init__(self, house: House, stable: Placed) -> None:
        super().__init__(daemon=True)
        self.house, self.stable = house, stable
        self.ended = ""

    def run(self) -> None:
        there = self.house.place
        there.meanwhile = lambda _: time.sleep(0.02)
        settings = Staging(**SETTINGS)
        clock: Any = place.driving
        how: Any = clock.__wrapped__.__kwdefaults__["clock"]
        with place.holding(
            there.cluster, MODEL, "staging", settings, who="run 7", say=there.said.append, clock=how
        ) as means:
            self.ended = drive(means, there.begun(2, self.stable), manifest(2)).state.phase


@pytest.fixture
def deployer(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployer]:
    monkeypatch.setattr(rollout, "PAUSE", 0.01)
    house.place.time = datetime.now(UTC)
    served = house.serve(1)
    image = release(2).image
    house.cluster.programs[image] = msgspec.structs.replace(house.cluster.programs[image], starts=10)
    found = Deployer(house, served)
    found.start()
    while not (house.place.noted() and house.stands().moving):
        time.sleep(0.01)
    yield found
    found.join(60)
    assert not found.is_alive()


def test_whoever_drives_it_pauses_goes_on_and_undoes_it_when_asked(house: House, deployer: Deployer) -> None:
    told = ask(house, "status")
    assert f"staging: deploy of {release(2)} in the place of {release(1)} is moving" in told
    assert "driven by process" in told
    assert "run 7" in told
    assert told.count("risk-") >= 3
    paused = ask(house, "pause", "--reason", "looking")
    assert "is paused (paused by" in paused
    assert ": looking) since" in paused
    assert "is moving" in ask(house, "resume")
    assert "enough" in ask(house, "abort", "--reason", "enough")
    deployer.join(10)
    assert deployer.ended == "undone"
    assert house.place.serves() == ["p1"] * 3


def test_a_live_deployer_is_not_overruled_by_a_rollback(house: House, deployer: Deployer) -> None:
    with pytest.raises(Held, match="run 7") as raised:
        back(house)
    assert "`mlagent rollout abort`" in raised.value.hint
    deployer.join(10)
    assert deployer.ended == "done"


def test_an_ask_that_is_not_obeyed_in_time_is_said(
    house: House, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "PATIENCE", 0.0)
    with pytest.raises(Held, match="was asked to pause it"):
        ask(house, "pause")
    monkeypatch.setattr(rollout, "PATIENCE", 30.0)
    ask(house, "abort")
    deployer.join(10)
    assert deployer.ended == "undone"


def left_half_done(house: House) -> None:
    served = house.serve(1)

    def kill(_: int) -> None:
        raise Interrupted(9)

    house.place.meanwhile = kill
    with pytest.raises(Interrupted):
        house.place.deploy(2, served)
    house.place.meanwhile = lambda _: None


def test_where_the_deployer_is_gone_abort_undoes_it_itself(house: House) -> None:
    left_half_done(house)
    assert "nobody drives it" in ask(house, "status")
    told = ask(house, "abort")
    assert f"the rollout to {release(2)} is undone; {release(1)} serves" in told
    assert house.place.serves() == ["p1"] * 3


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_nobody_can_pause_what_nobody_drives(house: House, what: str) -> None:
    left_half_done(house)
    with pytest.raises(InputError, match=f"nobody can {what} it"):
        ask(house, what)


@pytest.mark.parametrize("what", ["pause", "resume", "abort"])
def test_without_a_rollout_there_is_nothing_to_ask(house: House, what: str) -> None:
    with pytest.raises(InputError, match="no rollout is under way in staging"):
        ask(house, what)
    house.serve(1)
    with pytest.raises(InputError, match=r"the newest one, to risk version 1 .*, is done"):
        ask(house, what)


def test_status_of_no_rollout_says_so(house: House) -> None:
    assert ask(house, "status") == "staging: no rollout is known\n"
