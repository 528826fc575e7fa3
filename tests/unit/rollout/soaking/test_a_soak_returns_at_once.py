"""The stage soak@ENV in a cluster in memory: good, not over, too little, bad; interrupted at any line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent import adapters
from mlagent.config.ledger import Ledger
from mlagent.config.secret import Secret
from mlagent.core.context import Outputs
from mlagent.errors import Held, InfrastructureError, Interrupted, PolicyRefused
from mlagent.ledger import checkpoint
from mlagent.ledger.anchors import Annotation
from mlagent.rollout import admission, names
from tests.rollout_cluster import MODEL
from tests.rollout_house import release
from tests.soak_house import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


def outcome(outputs: Outputs) -> str:
    (found,) = outputs.verdicts
    assert found.subject == "soak@staging"
    return found.outcome


def test_over_and_good_is_a_pass_and_leaves_what_production_asks_for(house: House, tmp_path: Path) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (200, 1)
    found = house.soak(deployed)
    assert outcome(found) == "pass"
    assert found.verdicts[0].valid_until is None
    assert found.verdicts[0].inputs == {"image": release(2).digest, "onnx": release(2).onnx}
    asked = msgspec.json.decode((tmp_path / "work" / "soaked.json").read_bytes(), type=admission.Soaked)
    assert asked == admission.Soaked(environment="staging", image=release(2).digest, outcome="pass")
    assert house.stands().placed == deployed


def test_not_over_is_told_with_the_time_that_it_takes(house: House) -> None:
    house.place.time = datetime.now(UTC) - timedelta(minutes=20)
    deployed = house.serve(1, 2)
    house.counts[2] = (200, 0)
    with pytest.raises(Held, match="soaks until") as raised:
        house.soak(deployed, soak_minutes=30.0)
    assert 15 * 60 < raised.value.seconds < 21 * 60
    assert "error rate 0 is at most 0.01" in raised.value.message


def test_too_few_requests_say_nothing_and_change_nothing(house: House) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (20, 0)
    found = house.soak(deployed)
    assert outcome(found) == "inconclusive"
    assert "60 samples are too few, 100 are asked for" in found.summary
    assert "send it more requests" in found.hint
    assert house.stands().placed == deployed


@pytest.mark.parametrize("minutes", [10.0, 43_000.0])
def test_bad_makes_way_for_the_one_before_also_before_its_time_is_over(house: House, minutes: float) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)
    found = house.soak(deployed, soak_minutes=minutes)
    assert outcome(found) == "fail"
    assert "risk version 2" in found.undone
    assert f"{release(1)} serves again" in found.undone
    assert house.place.serves() == ["p1"] * 3
    assert house.alias() == 1
    assert house.facts() == [("rolled-back", 10, "build 7")]
    assert house.place.least is None or house.place.least >= 3


def test_a_restart_is_bad_whatever_was_answered(house: House) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (200, 0)
    pod: Any = house.cluster.objects[names.POD, house.place.seen.of("p2")[0].name]
    pod["status"]["containerStatuses"][0]["restartCount"] = 1
    assert "restarts 1 is above 0" in house.soak(deployed).undone


def test_with_nothing_before_it_a_bad_release_goes_on_and_is_told(house: House) -> None:
    deployed = house.serve(1)
    house.counts[1] = (100, 60)
    found = house.soak(deployed)
    assert outcome(found) == "fail"
    assert not found.undone
    assert "nothing served before it, so it goes on" in found.summary
    assert house.place.serves() == ["p1"] * 3


def test_what_pods_that_are_gone_have_counted_stays_known_to_the_run(house: House) -> None:
    house.place.time = datetime.now(UTC) - timedelta(minutes=25)
    deployed = house.serve(1, 2)
    house.counts[2] = (30, 0)
    with pytest.raises(Held):
        house.soak(deployed, soak_minutes=60.0)
    house.place.by_hand(lambda live: live["spec"].update(replicas=1), "kubectl-scale")
    for _ in range(10):
        house.place.wait(1)
    assert len(house.place.serves()) == 1
    found = house.soak(deployed, soak_minutes=1.0, soak_requests_min=90)
    assert outcome(found) == "pass"
    assert "(0 to " in found.summary
    assert "; 90 samples" in found.summary


def test_a_later_release_in_its_place_is_not_touched(house: House) -> None:
    deployed = house.serve(1, 2)
    house.serve(1, 2, 3)
    house.counts |= {2: (100, 100), 3: (100, 100)}
    with pytest.raises(PolicyRefused, match="staging serves risk version 3"):
        house.soak(deployed)
    assert house.place.serves() == ["p3"] * 3


@pytest.mark.parametrize("turn", range(1, 7))
def test_killed_on_the_way_back_the_next_attempt_goes_on_and_says_why(house: House, turn: int) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)
    began = house.place.turns

    def kill(turns: int) -> None:
        if turns == began + turn:
            raise Interrupted(9)

    house.place.meanwhile = kill
    try:
        found = house.soak(deployed)
    except Interrupted:
        house.counts.clear()  # nothing can be counted any more, and it was found bad
        found = house.soak(deployed)
    assert outcome(found) == "fail"
    assert found.undone
    assert house.place.serves() == ["p1"] * 3
    assert house.facts() == [("rolled-back", 10, "build 7")]


def test_a_key_of_the_ledger_that_is_not_on_this_node_does_not_stand_in_the_way(house: House) -> None:
    house.sections["ledger"] = Ledger(key=Secret("env:NOT_THERE"))
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)
    assert house.soak(deployed).undone
    assert house.place.serves() == ["p1"] * 3
    assert house.facts() == [("rolled-back", 10, "build 7")]
    assert "the ledger's checkpoint is not signed: the secret env:NOT_THERE" in house.log.getvalue()


def test_where_it_goes_back_a_checkpoint_lies_on_the_deployment(house: House) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)
    house.soak(deployed)
    (anchored,) = Annotation(house.cluster, MODEL).read()
    assert checkpoint.read(anchored.data).checkpoint.size == 1


def test_a_ledger_that_was_away_is_told_by_the_next_attempt(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)

    def away(_: object) -> None:
        raise InfrastructureError("the store does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(house.ledger, "append", away)
        with pytest.raises(InfrastructureError):
            house.soak(deployed)
    assert house.facts() == []
    assert house.soak(deployed).undone
    assert house.facts() == [("rolled-back", 10, "build 7")]


def test_somebody_elses_release_that_came_after_the_no_is_left_alone(house: House) -> None:
    deployed = house.serve(1, 2)
    house.counts[2] = (100, 60)
    house.soak(deployed)
    house.serve(1, 3)
    with pytest.raises(PolicyRefused, match="staging serves risk version 3"):
        house.soak(deployed)
    assert house.place.serves() == ["p3"] * 3


def test_a_no_after_another_release_was_undone_still_leads_back(house: House) -> None:
    house.cluster.programs[release(3).image] = msgspec.structs.replace(
        house.cluster.programs[release(3).image], wrong="crash"
    )
    deployed = house.serve(1, 2)
    assert house.place.deploy(3, deployed).state.phase == "undone"
    house.counts[2] = (100, 60)
    assert f"{release(1)} serves again" in house.soak(deployed).undone
    assert house.place.serves() == ["p1"] * 3


def test_prometheus_is_asked_instead_of_the_pods_where_one_is_set(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = house.serve(1, 2)
    asked: list[str] = []

    class Prometheus:
        def __init__(self, url: str) -> None:
            assert url == "http://prometheus:9090"

        def series(self, query: str) -> list[tuple[dict[str, str], float]]:
            asked.append(query)
            found = []
            for one in house.place.seen.of("p2"):
                found += [
                    ({"__name__": "mlagent_serving_model_info", "pod": one.name}, 1.0),
                    ({"__name__": "process_start_time_seconds", "pod": one.name}, 5.0),
                    ({"__name__": "mlagent_serving_requests_total", "route": "/predict", "pod": one.name}, 70.0),
                ]
            return found

    monkeypatch.setattr(adapters, "prometheus", Prometheus)
    found = house.soak(deployed, prometheus="http://prometheus:9090")
    assert outcome(found) == "pass"
    assert "210 samples" in found.summary
    assert len(asked) == 1


def test_where_nothing_was_deployed_nothing_soaks(house: House) -> None:
    assert house.soak(None) == Outputs(summary="nothing soaks: nothing was deployed")


def test_a_pod_that_is_not_read_is_warned_of(house: House) -> None:
    deployed = house.serve(1, 2)
    image = release(2).image
    house.cluster.programs[image] = msgspec.structs.replace(
        house.cluster.programs[image], answer=lambda _port, _path: None
    )
    assert outcome(house.soak(deployed)) == "inconclusive"
    assert "it does not answer" in house.log.getvalue()
