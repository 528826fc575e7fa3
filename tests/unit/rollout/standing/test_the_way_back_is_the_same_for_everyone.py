"""To what served before, from wherever a rollout was left; twice is the same as once."""

from collections.abc import Callable

import msgspec
import pytest

from mlagent.errors import InputError, RolledBack
from mlagent.rollout.back import Back, Hands, back
from mlagent.rollout.standing import Standing
from mlagent.rollout.state import Phase, State
from tests.rollout_house import SINCE, placed, release, standing, state

NOW = "2026-01-02T05:00:00.000+00:00"


class Place:
    """An environment in which each rollout ends as it is told to, with the notes that `drive` leaves."""

    def __init__(self, serves: int, history: list[int], rollout: State | None = None) -> None:
        self.template, self.rollout = f"p{serves}", rollout
        self.history = [placed(one) for one in history]
        self.driven: list[State] = []
        self.fails = False

    def read(self) -> Standing:
        return standing(self.template, self.history, self.rollout)

    def drive(self, begun: State) -> State:
        self.driven.append(begun)
        undone = self.fails or begun.phase == "undoing"
        serves = begun.stable if undone else begun.target
        assert serves is not None
        self.template = serves.id
        phase: Phase = "undone" if undone else "done"
        self.rollout = msgspec.structs.replace(begun, phase=phase, reason="it crashed" if self.fails else begun.reason)
        if not undone:
            self.history = [
                msgspec.structs.replace(serves, since=NOW),
                *(one for one in self.history if one.id != serves.id),
            ]
        return self.rollout

    def back(self, to: str = "", reason: str = "errors", leaving: str = "") -> Back:
        hands = Hands(read=self.read, drive=self.drive, now=lambda: NOW)
        return back(hands, to=to, reason=reason, leaving=leaving)


def test_it_goes_to_what_served_before_and_tells_what_it_left() -> None:
    place = Place(2, [2, 1], state(2, 1))
    found = place.back()
    assert (found.placed, found.left, found.moved) == (placed(1), placed(2), True)
    begun = place.driven[0]
    assert (begun.kind, begun.phase, begun.stable, begun.reason) == ("rollback", "begun", placed(2), "errors")
    assert begun.began == begun.since == NOW


def test_the_same_again_moves_nothing_and_still_knows_what_was_left() -> None:
    place = Place(3, [3, 2, 1], state(3, 2))
    place.back()
    found = place.back()
    assert (found.placed.id, found.left, found.moved) == ("p2", placed(3), False)
    assert len(place.driven) == 1


def test_after_a_deploy_that_was_undone_it_is_there_already() -> None:
    place = Place(1, [1], state(2, 1, phase="undone"))
    found = place.back()
    assert (found.placed, found.moved) == (placed(1), False)
    assert found.left is not None
    assert found.left.id == "p2"
    assert place.driven == []


def test_whoever_knows_what_is_bad_leaves_it_also_after_a_deploy_of_another_that_was_undone() -> None:
    place = Place(2, [2, 1], state(3, 2, phase="undone"))
    assert place.back().moved is False
    assert place.back(leaving="p2").placed == placed(1)
    assert place.back(leaving="p2").moved is False


def test_going_farther_back_takes_a_name() -> None:
    place = Place(3, [3, 2, 1], state(3, 2))
    place.back()
    assert place.back(to="1").placed == placed(1)
    assert place.back(to="v3").placed == placed(3)
    assert [one.target.id for one in place.driven] == ["p2", "p1", "p3"]


def test_what_was_left_once_is_not_gone_back_to_by_itself() -> None:
    place = Place(2, [2, 3, 1], state(2, 2))
    assert place.back().placed == placed(1)


def test_a_rollback_that_was_left_half_done_goes_on() -> None:
    half = state(1, 2, kind="rollback", phase="moving")
    place = Place(1, [2, 1], half)
    found = place.back()
    assert (found.placed.id, found.left, found.moved) == ("p1", placed(2), True)
    assert place.driven == [half]


def test_a_deploy_whose_deployer_is_gone_is_undone_to_what_served() -> None:
    place = Place(2, [1], state(2, 1, phase="moving"))
    found = place.back(reason="")
    assert (found.placed, found.moved) == (placed(1), True)
    assert [(one.kind, one.phase) for one in place.driven] == [("deploy", "undoing")]
    assert place.driven[0].reason == "a rollback was asked for while its deployer was gone"
    assert found.left is not None
    assert found.left.id == "p2"


def test_one_that_is_undoing_itself_already_is_let_do_so() -> None:
    half = state(2, 1, phase="undoing", reason="crash-loop")
    place = Place(2, [1], half)
    assert place.back().placed == placed(1)
    assert place.driven == [half]


def test_from_half_a_deploy_to_a_named_one_goes_over_what_served() -> None:
    place = Place(3, [2, 1], state(3, 2, phase="moving"))
    assert place.back(to="1").placed == placed(1)
    assert [(one.kind, one.target.id) for one in place.driven] == [("deploy", "p3"), ("rollback", "p1")]


def test_an_older_one_that_does_not_come_up_is_told_and_what_served_goes_on() -> None:
    place = Place(2, [2, 1], state(2, 1))
    place.fails = True
    with pytest.raises(RolledBack, match=r"did not come up in staging \(it crashed\)") as raised:
        place.back()
    assert f"{release(2)} goes on serving" in raised.value.message
    place.fails = False
    assert place.back().placed == placed(1)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (lambda: Place(1, [1], state(1)), "nothing served in full before risk version 1"),
        (lambda: Place(9, [2, 1]), "nothing served in full before template p9"),
    ],
)
def test_without_anything_before_there_is_no_way_back(place: Callable[[], Place], why: str) -> None:
    with pytest.raises(InputError, match=why):
        place().back()


def test_from_a_strange_template_nothing_is_tried_that_could_not_be_undone() -> None:
    with pytest.raises(InputError, match="to which nothing could return"):
        Place(9, [2, 1]).back(to="1")


def test_to_what_serves_already_moves_nothing() -> None:
    place = Place(2, [2, 1], state(2, 1))
    assert place.back(to="2") == Back(placed=placed(2, SINCE), left=None, moved=False)


def test_after_one_has_gone_forward_again_the_way_back_is_open() -> None:
    place = Place(2, [2, 1], state(2, 1))
    place.back()
    assert place.back(to="2").placed == placed(2)
    assert place.back(to="2") == Back(placed=place.read().history[0], left=placed(1, NOW), moved=False)
    assert place.back().placed.id == "p1"
    assert place.back().moved is False
