"""Whole rollouts in a cluster in memory: pods come and go tick by tick, people and machines get in between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mlagent.core.ports.cluster import FieldConflict, Replied
from mlagent.core.verdict import check, verdict
from mlagent.errors import Held, InfrastructureError, InputError, Interrupted
from mlagent.rollout import names, standing
from mlagent.rollout.acts import placement
from mlagent.rollout.asking import ask
from mlagent.rollout.drive import drive
from mlagent.rollout.state import Ask
from tests.rollout_cluster import MODEL, Place, answering, manifest
from tests.rollout_house import release


def soon(place: Place, act: Callable[[], object]) -> None:
    """Have something happen when a rollout that begins now is in its midst."""
    turn = place.turns + 3

    def now(at: int) -> None:
        if at == turn:
            act()

    place.meanwhile = now


def image(live: Any) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/other:1"


def variable(live: Any) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "by hand"})


def test_the_first_release_comes_with_its_notes_from_the_first_moment() -> None:
    place = Place()
    noted = []
    place.meanwhile = lambda turn: noted.append(place.noted()) if turn == 1 else None
    ended = place.deploy(1, None)
    assert (ended.state.phase, place.serves()) == ("done", ["p1"] * 3)
    assert noted[0] is not None
    assert noted[0].phase == "moving"


def test_the_next_one_takes_its_place_with_never_fewer_ready_than_wanted() -> None:
    place = Place(v2={"starts": 3, "ends": 4})
    ended = place.deploy(2, place.serve(1))
    assert (ended.state.phase, place.serves(), place.least) == ("done", ["p2"] * 3, 3)
    assert [one.phase for one in place.saved] == ["moving", "checking", "done"]
    assert place.noted() == ended.state
    assert [one.id for one in standing.history(place.live)] == ["p2", "p1"]
    assert ended.state.target.since == ended.state.since


def test_what_serves_already_serves_on_since_when_it_did() -> None:
    place = Place()
    first = place.serve(1)
    before = place.cluster.list(names.POD)
    ended = place.deploy(1, first)
    assert ended.state.phase == "done"
    assert ended.state.target.since == first.since
    assert [one["metadata"]["name"] for one in place.cluster.list(names.POD)] == [
        one["metadata"]["name"] for one in before
    ]


@pytest.mark.parametrize("wrong", ["crash", "pull", "memory", "config", "unready", "unschedulable"])
def test_a_release_that_does_not_come_up_makes_way_by_itself(wrong: str) -> None:
    place = Place(v2={"wrong": wrong})
    ended = place.deploy(2, place.serve(1))
    assert (ended.state.phase, place.serves(), place.least) == ("undone", ["p1"] * 3, 3)
    assert ended.state.reason
    assert [one.id for one in standing.history(place.live)] == ["p1"]


def test_a_first_release_that_does_not_come_up_leaves_nothing() -> None:
    place = Place(v1={"wrong": "crash"})
    ended = place.deploy(1, None)
    assert (ended.state.phase, place.seen.exists) == ("undone", False)


def test_the_log_of_what_crashed_is_told_once() -> None:
    place = Place(v2={"wrong": "crash"})
    place.deploy(2, place.serve(1))
    assert sum("version 2 says so" in line for line in place.said) == 1


def test_a_crash_is_told_though_its_log_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(v2={"wrong": "crash"})
    first = place.serve(1)

    def away(*_: Any, **__: Any) -> None:
        raise InfrastructureError("the API server does not answer")

    monkeypatch.setattr(place.cluster, "said", away)
    assert place.deploy(2, first).state.phase == "undone"
    assert any(line.startswith("pod risk-") and "crash-loop" in line for line in place.said)


def test_a_quota_that_leaves_no_room_is_named() -> None:
    place = Place()
    first = place.serve(1)
    place.cluster.pods_max = 3
    ended = place.deploy(2, first)
    assert (ended.state.phase, place.serves(), place.least) == ("undone", ["p1"] * 3, 3)
    assert "exceeded quota" in ended.state.reason


def test_a_release_whose_pods_answer_as_another_makes_way() -> None:
    place = Place(v2={"answer": lambda port, path: Replied(200, {"x-model-version": "1"}, b"")})
    ended = place.deploy(2, place.serve(1))
    assert (ended.state.phase, place.serves(), place.least) == ("undone", ["p1"] * 3, 3)
    assert "answers as version 1, not 2" in ended.state.reason


def test_a_release_whose_pods_never_answer_makes_way_in_the_end() -> None:
    place = Place(v2={"answer": lambda port, path: Replied(503, {}, b"")})
    ended = place.deploy(2, place.serve(1))
    assert (ended.state.phase, place.serves()) == ("undone", ["p1"] * 3)
    assert "nothing has got further" in ended.state.reason


def test_a_bad_verdict_on_pods_that_are_ready_undoes_it() -> None:
    place = Place()
    first = place.serve(1)
    bad = verdict("soak@staging", [check("error rate", 0.5, "<=", 0.01, samples=100)], inputs={}, tools={})
    ended = drive(place.means(judge=lambda pods: bad), place.begun(2, first), manifest(2))
    assert (ended.state.phase, place.serves(), place.least) == ("undone", ["p1"] * 3, 3)
    assert "error rate" in ended.state.reason


@pytest.mark.parametrize("edit", [image, variable])
def test_an_edit_by_hand_meanwhile_is_named_and_all_of_it_is_taken_back(edit: Callable[[Any], None]) -> None:
    place = Place()
    first = place.serve(1)
    soon(place, lambda: place.by_hand(edit))
    ended = place.deploy(2, first)
    assert (ended.state.phase, place.serves()) == ("undone", ["p1"] * 3)
    assert "kubectl-edit has set spec.template.spec.containers[name=server]" in ended.state.reason
    assert place.live["spec"]["template"]["spec"] == manifest(1)["spec"]["template"]["spec"]
    assert not place.seen.edits


def test_an_edit_from_before_is_refused_and_named_and_nothing_changes() -> None:
    place = Place()
    first = place.serve(1)
    place.by_hand(variable)
    with pytest.raises(FieldConflict, match=r"env\[name=B\]"):
        place.deploy(2, first)
    assert place.seen.template == "p1"
    assert place.saved[-1].phase == "undone"


def test_an_edit_from_before_is_taken_back_where_that_is_asked_for() -> None:
    place = Place()
    first = place.serve(1)
    place.by_hand(variable)
    ended = place.deploy(2, first, overwrite=True)
    assert ended.state.phase == "done"
    assert place.live["spec"]["template"]["spec"] == manifest(2)["spec"]["template"]["spec"]


def test_pods_that_are_scaled_by_hand_meanwhile_are_told_and_it_goes_on() -> None:
    place = Place()
    first = place.serve(1)
    soon(place, lambda: place.by_hand(lambda live: live["spec"].update(replicas=5), "kubectl"))
    ended = place.deploy(2, first)
    assert (ended.state.phase, place.serves()) == ("done", ["p2"] * 5)
    assert any("kubectl has set spec.replicas" in line for line in place.said)


def test_under_an_autoscaler_the_number_of_pods_is_not_ours() -> None:
    place = Place()
    first = place.serve(1, replicas=None)
    place.by_hand(lambda live: live["spec"].update(replicas=4), "kube-controller-manager")
    place.cluster.tick(5)
    place.least = place.ready
    ended = place.deploy(2, first, replicas=None)
    assert (ended.state.phase, place.serves(), place.least) == ("done", ["p2"] * 4, 4)
    assert not ended.state.reason
    assert not any("by hand" in line for line in place.said)


def test_an_autoscaler_takes_over_without_a_fall_of_the_number() -> None:
    place = Place()
    ended = place.deploy(2, place.serve(1, replicas=4), replicas=None)
    assert (ended.state.phase, place.serves(), place.least) == ("done", ["p2"] * 4, 4)


def asked(place: Place, what: Any) -> None:
    ask(place.cluster, MODEL, Ask(what=what, who="Ada", id=what))


def test_a_pause_holds_both_versions_until_it_is_resumed() -> None:
    place = Place()
    first = place.serve(1)
    both: list[str] = []

    def people(turn: int) -> None:
        if turn in (base + 3, base + 60):
            asked(place, "pause" if turn == base + 3 else "resume")
        if turn == base + 59:
            both.extend(place.serves())

    base = place.turns
    place.meanwhile = people
    ended = place.deploy(2, first)
    assert ended.state.phase == "done"
    assert set(both) == {"p1", "p2"}
    assert place.serves() == ["p2"] * 3


def test_an_abort_brings_back_what_served() -> None:
    place = Place()
    first = place.serve(1)
    soon(place, lambda: asked(place, "abort"))
    ended = place.deploy(2, first)
    assert (ended.state.phase, ended.state.reason) == ("undone", "aborted by Ada")
    assert (place.serves(), place.least) == (["p1"] * 3, 3)


def test_what_was_asked_of_an_earlier_rollout_is_not_asked_of_this_one() -> None:
    place = Place()
    first = place.serve(1)
    asked(place, "abort")
    assert place.deploy(2, first).state.phase == "done"


def test_a_rollback_takes_the_template_that_the_cluster_keeps() -> None:
    place = Place()
    first = place.serve(1)
    second = place.deploy(2, first).state.target
    place.least = 3
    ended = place.drive(place.begun(1, second, kind="rollback"))
    assert (ended.state.phase, place.serves(), place.least) == ("done", ["p1"] * 3, 3)
    assert [one.id for one in standing.history(place.live)] == ["p1", "p2"]


def test_a_rollback_is_the_way_out_of_an_edit_by_hand_too() -> None:
    place = Place()
    second = place.deploy(2, place.serve(1)).state.target
    place.by_hand(variable)
    ended = place.drive(place.begun(1, second, kind="rollback"))
    assert (ended.state.phase, place.serves()) == ("done", ["p1"] * 3)
    assert place.live["spec"]["template"]["spec"] == manifest(1)["spec"]["template"]["spec"]
    assert any("kubectl-edit has set" in line for line in place.said)


def test_a_rollback_comes_through_where_the_pods_of_what_serves_crash() -> None:
    place = Place()
    second = place.deploy(2, place.serve(1)).state.target
    broken = place.cluster.programs[second.release.image]
    place.cluster.programs[second.release.image] = msgspec.structs.replace(broken, wrong="crash")
    place.cluster.tick(3)
    ended = place.drive(place.begun(1, second, kind="rollback"))
    assert (ended.state.phase, place.serves()) == ("done", ["p1"] * 3)


def test_a_template_that_the_cluster_does_not_keep_is_an_end_that_changes_nothing() -> None:
    place = Place()
    first = place.serve(1)
    with pytest.raises(InputError, match="kept nowhere"):
        place.drive(place.begun(2, first, kind="rollback"))
    assert place.serves() == ["p1"] * 3


def test_a_way_back_that_does_not_come_about_is_not_called_undone() -> None:
    place = Place(v2={"wrong": "crash"})
    first = place.serve(1)
    broken = place.cluster.programs[first.release.image]
    place.cluster.programs[first.release.image] = msgspec.structs.replace(broken, wrong="crash")
    with pytest.raises(InfrastructureError, match=r"the way back .* has not got further for .*Crash"):
        place.deploy(2, first)
    assert place.noted() == place.saved[-1]
    assert place.saved[-1].phase == "undoing"


def away(place: Place, since: int, seconds: int) -> Callable[[int], None]:
    def now(turn: int) -> None:
        place.cluster.away = since <= turn < since + seconds

    return now


def test_a_cluster_that_is_away_for_a_while_is_waited_for_and_that_is_told_once() -> None:
    place = Place(v2={"starts": 4})
    first = place.serve(1)
    place.meanwhile = away(place, place.turns + 2, 12)
    ended = place.deploy(2, first)
    assert (ended.state.phase, place.least) == ("done", 3)
    assert [line for line in place.said if "server does not answer" in line or "again" in line] == [
        "the API server does not answer; waiting for it up to 15 s",
        "the cluster answers again, after 12 s",
    ]


def test_the_time_in_which_a_cluster_is_away_is_no_time_in_which_nothing_got_further() -> None:
    place = Place()
    first, right = place.serve(1), answering(release(2))
    back = place.turns + 80
    late = place.cluster.programs[release(2).image]
    late = msgspec.structs.replace(late, answer=lambda *asked: right(*asked) if place.turns > back else None)
    place.cluster.programs[release(2).image] = late
    place.meanwhile = away(place, place.turns + 15, 65)
    ended = drive(place.means(patience_seconds=100), place.begun(2, first), manifest(2))
    assert any("checking" in line for line in place.said)
    assert (ended.state.phase, place.serves()) == ("done", ["p2"] * 3)


def test_a_process_that_stood_still_sees_first_how_far_it_went_without_it() -> None:
    place = Place(v2={"starts": 4})
    first = place.serve(1)

    def stand_still() -> None:
        place.cluster.tick(100)
        place.time += timedelta(seconds=100)

    soon(place, stand_still)
    assert place.deploy(2, first).state.phase == "done"


def test_one_that_is_away_for_longer_ends_it_where_it_can_go_on() -> None:
    place = Place(v2={"starts": 4})
    first = place.serve(1)
    place.meanwhile = away(place, place.turns + 2, 1000)
    with pytest.raises(InfrastructureError):
        place.deploy(2, first)
    place.meanwhile, place.cluster.away = lambda _: None, False
    assert place.drive(place.saved[-1], manifest(2)).state.phase == "done"


def test_a_signal_passes_and_what_was_saved_is_where_it_goes_on() -> None:
    place = Place(v2={"starts": 3})
    first = place.serve(1)

    def stop(turn: int) -> None:
        if turn == begun + 2:
            raise Interrupted(15)

    begun = place.turns
    place.meanwhile = stop
    with pytest.raises(Interrupted):
        place.deploy(2, first)
    noted = place.noted()
    assert noted == place.saved[-1]
    assert noted is not None
    assert place.drive(noted, manifest(2)).state.phase == "done"


def test_who_has_lost_the_lease_writes_nothing_more() -> None:
    place = Place()
    first = place.serve(1)

    def lost() -> None:
        if place.turns >= begun + 3:
            versions.append(place.live["metadata"]["annotations"])
            raise Held("somebody else holds it")

    begun, versions = place.turns, list[Any]()
    place.held = lost
    with pytest.raises(Held):
        place.deploy(2, first)
    assert place.live["metadata"]["annotations"] == versions[0]


def test_the_moments_tell_phases_pods_and_what_happened() -> None:
    place = Place(v2={"wrong": "crash"})
    ended = place.deploy(2, place.serve(1))
    line = ended.timeline
    assert (line.old, line.new) == ("version 1", "version 2")
    assert list(dict.fromkeys(one.phase for one in line.moments)) == ["moving", "undoing", "undone"]
    assert any("crash-loop" in one.event for one in line.moments)
    assert {(one.old, one.wanted) for one in line.moments} == {(3, 3)}
    assert [one.at for one in line.moments] == sorted(one.at for one in line.moments)


def test_older_templates_that_are_kept_are_told_by_their_placement() -> None:
    place = Place()
    place.deploy(2, place.serve(1))
    assert sorted(placement(one) for one in place.cluster.list(names.REPLICA_SET)) == ["p1", "p2"]


def test_the_way_back_is_to_the_template_as_it_was_made_not_as_it_was_edited() -> None:
    place = Place()
    first = place.serve(1)
    place.by_hand(variable)
    place.cluster.tick(20)
    second = place.deploy(2, first, overwrite=True).state.target
    assert place.drive(place.begun(1, second, kind="rollback")).state.phase == "done"
    assert place.live["spec"]["template"]["spec"] == manifest(1)["spec"]["template"]["spec"]
