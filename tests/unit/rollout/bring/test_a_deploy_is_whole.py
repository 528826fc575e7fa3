"""A deploy asks first, ends what was left half done, applies the rest, and is the same however often it is given."""

from typing import Any

import pytest

from mlagent.core.ports.cluster import FieldConflict, Kind
from mlagent.errors import ConfigError, Held, Interrupted
from mlagent.rollout import place
from mlagent.rollout.bring import Voice, bring, changes
from mlagent.rollout.drive import Driven
from mlagent.rollout.hold import Clock, held
from mlagent.rollout.names import DEPLOYMENT, POD
from mlagent.rollout.objects import Wanted, placement
from mlagent.rollout.state import State
from tests.rollout_cluster import MODEL, Place
from tests.rollout_house import release
from tests.unit.rollout.objects.releases import wanted
from tests.unit.rollout.preflight.clusters import NAMESPACE, NODE, QUOTA, node, put

HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler")


class House(Place):
    """A place in which a deploy finds a namespace and a node with room; `saved` are the states it kept."""

    def __init__(self, **programs: Any) -> None:
        super().__init__(**programs)
        put(self.cluster, NAMESPACE, self.cluster.namespace)
        put(self.cluster, NODE, "n1", **node(cpu="64", memory="64Gi"))

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, seconds=self._seconds, wait=self.wait)

    def _seconds(self) -> float:
        return self.time.timestamp()

    def bring(self, asked: Wanted, *, overwrite: bool = False) -> Driven:
        voice = Voice(who="run 1", say=self.said.append, remember=self.saved.append, clock=self.clock)
        return bring(self.cluster, asked, voice, overwrite=overwrite)

    def kinds(self) -> set[str]:
        return {kind.name for kind, _ in self.cluster.objects} - {"Namespace", "Node", "Pod", "ReplicaSet", "Lease"}

    def versions(self) -> list[str]:
        """What serves, pod by pod, in the words of the templates."""
        pods = [one for one in self.cluster.list(POD) if "deletionTimestamp" not in one["metadata"]]
        return sorted(one["metadata"]["labels"]["app.kubernetes.io/version"] for one in pods)


def of(version: int, **settings: Any) -> Wanted:
    return wanted(release=release(version), **settings)


def test_all_objects_come_and_the_release_serves() -> None:
    house = House()
    ended = house.bring(of(1, replicas=3))
    assert ended.state.phase == "done"
    assert house.versions() == ["1"] * 3
    assert house.kinds() == {"ServiceAccount", "NetworkPolicy", "Service", "PodDisruptionBudget", "Deployment"}
    stands = place.stands(house.cluster, MODEL, "staging")
    assert stands.placed is not None
    assert (stands.placed.release, stands.ready, stands.wanted) == (release(1), 3, 3)


def test_given_twice_it_changes_nothing() -> None:
    house = House()
    first = house.bring(of(1))
    before = house.cluster.objects[DEPLOYMENT, MODEL]["metadata"]["generation"]
    again = house.bring(of(1))
    assert again.state.target == first.state.target, "also since when it serves"
    assert house.cluster.objects[DEPLOYMENT, MODEL]["metadata"]["generation"] == before


def test_another_build_of_the_same_image_moves_no_pod() -> None:
    house = House()
    house.bring(of(1))
    pods = {one["metadata"]["uid"] for one in house.cluster.list(POD)}
    ended = house.bring(wanted(release=release(1, build=99, commit="c" * 40)))
    assert ended.state.target.release.build == 99
    assert {one["metadata"]["uid"] for one in house.cluster.list(POD)} == pods


def test_what_preflight_lacks_stops_it_before_anything_changes() -> None:
    house = House()
    house.bring(of(1))
    put(
        house.cluster,
        QUOTA,
        "tight",
        spec={"hard": {"pods": "2"}},
        status={"hard": {"pods": "2"}, "used": {"pods": "2"}},
    )
    before = {key: one["metadata"].get("resourceVersion") for key, one in house.cluster.objects.items()}
    with pytest.raises(ConfigError, match="nothing has changed in the cluster"):
        house.bring(of(2))
    after = {key: one["metadata"].get("resourceVersion") for key, one in house.cluster.objects.items()}
    lease = next(key for key in after if key[0].name == "Lease")
    assert {key: one for key, one in after.items() if key != lease} == {
        key: one for key, one in before.items() if key != lease
    }


def test_what_was_cut_off_is_gone_on_with() -> None:
    house = House()
    house.bring(of(1))
    cut_off(house, of(2), after=2)
    assert house.noted() is not None
    house.said.clear()
    ended = house.bring(of(2))
    assert ended.state.phase == "done"
    assert house.versions() == ["2"] * 2
    assert any("going on with the rollout that was begun" in line for line in house.said)
    assert not any("preflight" in line for line in house.said), "it was asked when it began"


def test_another_release_that_was_left_half_done_is_ended_first() -> None:
    house = House()
    first = house.bring(of(1)).state.target
    cut_off(house, of(2), after=2)
    ended = house.bring(of(3))
    assert ended.state.phase == "done"
    assert ended.state.stable is not None
    assert ended.state.stable.id == first.id, "what served in full, and not the half-done one"
    assert house.versions() == ["3"] * 2
    stands = place.stands(house.cluster, MODEL, "staging")
    assert [one.release.version for one in stands.history] == [3, 1]


def cut_off(house: House, asked: Wanted, *, after: int) -> None:
    """A deployer that is killed some looks into its rollout."""

    def killed(turn: int) -> None:
        if turn >= after:
            raise Interrupted(9)

    house.turns, house.meanwhile = 0, killed
    with pytest.raises(Interrupted):
        house.bring(asked)
    house.meanwhile = lambda _: None


def test_a_bad_release_is_taken_back_and_what_served_serves() -> None:
    house = House(v2={"wrong": "crash"})
    house.bring(of(1))
    house.least = 2
    ended = house.bring(of(2, replicas_max=5))
    assert ended.state.phase == "undone"
    assert "crash" in ended.state.reason
    assert house.versions() == ["1"] * 2
    assert house.least == 2
    assert "HorizontalPodAutoscaler" not in house.kinds(), "which comes once it serves"


def test_an_autoscaler_comes_with_the_release_and_goes_when_it_is_switched_off() -> None:
    house = House()
    first = house.bring(of(1, replicas=3, replicas_max=6))
    assert first.state.phase == "done"
    assert house.versions() == ["1"] * 3, "a first release begins with the fewest, not with one"
    assert house.cluster.objects[HPA, MODEL]["spec"]["minReplicas"] == 3
    house.bring(of(2, replicas=3, replicas_max=6))
    assert house.versions() == ["2"] * 3
    house.bring(of(3, replicas=2))
    assert (HPA, MODEL) not in house.cluster.objects
    assert house.versions() == ["3"] * 2


def test_an_edit_by_hand_stops_it_unless_it_is_to_be_overwritten() -> None:
    house = House()
    house.bring(of(1))
    house.by_hand(lambda live: live["spec"].update(replicas=7))
    with pytest.raises(FieldConflict, match="kubectl-edit"):
        house.bring(of(2))
    assert set(house.versions()) == {"1"}
    ended = house.bring(of(2), overwrite=True)
    assert ended.state.phase == "done"
    assert house.versions() == ["2"] * 2


def test_a_second_deployer_is_told_who_holds_it() -> None:
    house = House()
    with held(house.cluster, MODEL, "run 7", say=house.said.append, clock=house.clock) as alive:
        house.meanwhile = lambda _: alive()
        with pytest.raises(Held, match="run 7"):
            house.bring(of(1))
    assert (DEPLOYMENT, MODEL) not in house.cluster.objects


def test_what_would_change_is_shown_and_changes_nothing() -> None:
    house = House()
    house.bring(of(1, replicas_max=4))
    before = {key: one["metadata"].get("resourceVersion") for key, one in house.cluster.objects.items()}
    pairs = list(changes(house.cluster, of(2)))
    moved = {(live or {})["kind"]: wanted for live, wanted in pairs if live != wanted}
    assert moved["HorizontalPodAutoscaler"] is None, "it would be removed"
    assert moved["Deployment"]["metadata"]["labels"]["app.kubernetes.io/version"] == "2"  # type: ignore[index]
    assert {key: one["metadata"].get("resourceVersion") for key, one in house.cluster.objects.items()} == before


def test_the_state_is_kept_in_the_record_beside_the_note_in_the_cluster() -> None:
    house = House()
    ended = house.bring(of(1))
    kept: list[State] = house.saved
    assert [one.phase for one in kept][-1] == "done"
    assert kept[-1] == ended.state == house.noted()
    assert ended.state.target.id == placement(of(1))
