"""Over states and observations that are drawn by chance, possible ones and others."""

from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mlagent.rollout.actions import Move, Remove
from mlagent.rollout.controller import advance
from mlagent.rollout.reasons import Limits
from mlagent.rollout.seen import Answer, Edit, Fault, PodSeen, Seen
from mlagent.rollout.state import Ask, Phase, State
from tests.rollout_house import placed, release

NOW = "2026-01-02T03:04:05.000+00:00"
LIMITS = Limits(progress_seconds=60)
TEMPLATES = ("p1", "p2", "p9", "")
FAULT = st.none() | st.builds(Fault, what=st.sampled_from(["crash-loop", "image-pull"]), said=st.just("why"))
POD = st.tuples(st.sampled_from(TEMPLATES), st.booleans(), FAULT)
PODS = st.lists(POD, max_size=4).map(
    lambda drawn: tuple(
        PodSeen(name=f"pod-{at}", uid=f"{at}", placement=template, ready=ready, fault=fault)
        for at, (template, ready, fault) in enumerate(drawn)
    )
)
ANSWER = st.sampled_from([Answer(version="2", model=release(2).onnx), Answer(version="1", model=release(1).onnx)])
SEEN = st.builds(
    Seen,
    exists=st.booleans(),
    template=st.sampled_from(TEMPLATES),
    settled=st.booleans(),
    paused=st.booleans(),
    wanted=st.integers(0, 3),
    pods=PODS,
    leaving=st.integers(0, 1),
    overdue=st.sampled_from(["", "late"]),
    refused=st.sampled_from(["", "quota"]),
    edits=st.sampled_from([(), (Edit(who="x", field="spec.template.a"),), (Edit(who="x", field="spec.replicas"),)]),
    asked=st.none()
    | st.builds(Ask, what=st.sampled_from(["pause", "resume", "abort"]), who=st.just("x"), id=st.just("a")),
    answers=st.dictionaries(st.sampled_from([f"pod-{at}" for at in range(4)]), ANSWER),
    quiet_seconds=st.sampled_from([0.0, 10.0, 1000.0]),
)
STATE = st.builds(
    State,
    kind=st.sampled_from(["deploy", "rollback"]),
    phase=st.sampled_from(get_args(Phase)),
    target=st.just(placed(2)),
    stable=st.sampled_from([None, placed(1), placed(2)]),
    began=st.just(NOW),
    since=st.just(NOW),
    answered=st.sampled_from(["", "a"]),
)


def alone(seen: Seen, placement: str) -> bool:
    """All that is wanted is of one template and ready."""
    return (
        seen.settled
        and {one.placement for one in seen.pods} == {placement}
        and 0 < seen.wanted <= seen.ready(placement)
    )


@given(STATE, SEEN)
def test_what_is_over_stays_as_it_is(state: State, seen: Seen) -> None:
    after, acts = advance(state, seen, LIMITS, NOW)
    if state.over:
        assert (after, acts) == (state, ())
    if after.over:
        assert acts == ()


@given(STATE, SEEN)
def test_from_an_undo_no_way_leads_back_to_the_target(state: State, seen: Seen) -> None:
    after, acts = advance(state, seen, LIMITS, NOW)
    if state.phase == "undoing":
        assert after.phase in ("undoing", "undone")
    if after.phase == "undoing":
        stable = state.stable.id if state.stable else None
        assert all(
            isinstance(one, Remove) or (isinstance(one, Move) and one.to == stable and one.force) for one in acts
        )


@given(STATE, SEEN)
def test_it_is_done_only_when_all_that_is_wanted_is_ready_and_answers_right(state: State, seen: Seen) -> None:
    after, _ = advance(state, seen, LIMITS, NOW)
    if after.phase == "done" and state.phase != "done":
        assert alone(seen, "p2")
        assert all(seen.answers[one.name] == Answer(version="2", model=release(2).onnx) for one in seen.pods)
        assert not any(one.template for one in seen.edits)


@given(STATE, SEEN)
def test_it_is_undone_only_when_what_served_serves_or_nothing_was_changed(state: State, seen: Seen) -> None:
    after, _ = advance(state, seen, LIMITS, NOW)
    if after.phase == "undone" and state.phase not in ("undone", "begun"):
        assert alone(seen, state.stable.id) if state.stable else not seen.exists


@given(STATE, SEEN)
def test_nothing_is_removed_where_something_served_before(state: State, seen: Seen) -> None:
    _, acts = advance(state, seen, LIMITS, NOW)
    if state.stable is not None:
        assert not any(isinstance(one, Remove) for one in acts)


@given(STATE, SEEN)
def test_what_was_saved_gives_the_same_acts_again_until_they_have_come_about(state: State, seen: Seen) -> None:
    """But for a first move, which is not repeated where it has come about already; a new phase begins its time anew."""
    after, acts = advance(state, seen, LIMITS, NOW)
    then = seen if after.phase == state.phase else msgspec.structs.replace(seen, quiet_seconds=0.0)
    again, repeated = advance(after, then, LIMITS, NOW)
    if state.phase != "begun":
        assert (again, repeated) == (after, acts)
    elif acts and seen.template != "p2" and again.phase == "moving":
        assert repeated == acts
