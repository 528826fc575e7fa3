"""Whole rollouts by chance: good and bad releases, people in between, deployers that are killed at any write."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.core.ports.cluster import FieldConflict, Replied
from mlagent.rollout.asking import ask
from mlagent.rollout.drive import drive
from mlagent.rollout.release import Placed
from mlagent.rollout.state import Ask, State
from tests.rollout_cluster import MODEL, Place, manifest

WRONG = ("", "", "", "unready", "crash", "pull", "memory", "config", "unschedulable")
WRITES = ("apply", "swap", "delete")


class Killed(BaseException):
    """The process is gone, in mid-act."""


class Run(NamedTuple):
    """What is drawn: the release, how many pods, and what happens in which turn."""

    wrong: str
    starts: int
    ends: int
    replicas: int
    honest: bool
    events: dict[int, str]


RUNS = st.builds(
    Run,
    wrong=st.sampled_from(WRONG),
    starts=st.integers(0, 3),
    ends=st.integers(1, 3),
    replicas=st.integers(1, 4),
    honest=st.booleans(),
    events=st.dictionaries(
        st.integers(1, 12), st.sampled_from(["pause", "resume", "abort", "edit", "away"]), max_size=3
    ),
)


def opened(run: Run) -> tuple[Place, Placed]:
    """A place in which the first version serves, and the second will come so."""
    changes: dict[str, Any] = {"wrong": run.wrong, "starts": run.starts, "ends": run.ends}
    if not run.honest:
        changes["answer"] = lambda port, path: Replied(200, {"x-model-version": "7"}, b"")
    place = Place(v2=changes)
    first = place.serve(1, replicas=run.replicas)
    place.meanwhile = _people(place, run)
    return place, first


def _people(place: Place, run: Run) -> Callable[[int], None]:
    began, until = place.turns, [0]

    def edit(live: Any) -> None:
        live["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/other:1"

    def now(turn: int) -> None:
        event = run.events.get(turn - began, "")
        place.cluster.away = turn < until[0]
        if place.cluster.away:
            return
        if event == "away":
            until[0] = turn + 5
            place.cluster.away = True
        elif event == "edit" and not place.saved[-1].over:
            place.by_hand(edit)
        elif event in ("pause", "resume", "abort"):
            ask(place.cluster, MODEL, msgspec.convert({"what": event, "who": "Ada", "id": str(turn)}, Ask))
        if turn - began == 40:
            ask(place.cluster, MODEL, Ask(what="resume", who="Ada", id="last"))

    return now


def ended_well(place: Place, run: Run, state: State) -> None:
    """One version serves, all of it; never were fewer ready than wanted; the note says what the end was."""
    serves = "p2" if state.phase == "done" else "p1"
    assert state.over
    assert place.serves() == [serves] * run.replicas, place.said
    assert place.least is not None
    assert place.least >= run.replicas, place.said
    assert place.noted() == state
    assert not [one for one in place.seen.edits if one.template]
    if run.wrong or not run.honest:
        assert state.phase == "undone"
    elif not {"abort", "edit"} & set(run.events.values()):
        assert state.phase == "done"


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_one_version_serves_in_full_at_the_end_and_never_fewer_pods_on_the_way(run: Run) -> None:
    place, first = opened(run)
    ended_well(place, run, place.deploy(2, first, replicas=run.replicas).state)


def killed(place: Place, at: int, *, late: bool) -> Callable[[], int]:
    """Have the process die at one of its writes, before or after it came about; gives how many there were."""
    count = [0]

    def dying(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            ours = name != "apply" or given[1] != "mlagent-asks"
            count[0] += ours
            if ours and count[0] == at and not late:
                raise Killed
            answer = write(*given, **named)
            if ours and count[0] == at:
                raise Killed
            return answer

        return called

    for name in WRITES:
        setattr(place.cluster, name, dying(name, getattr(place.cluster, name)))
    return lambda: count[0]


@settings(max_examples=60, deadline=None)
@given(RUNS, st.integers(1, 8), st.booleans(), st.integers(0, 5))
def test_a_deployer_that_is_killed_at_any_write_is_followed_by_one_that_ends_it_as_well(
    run: Run, at: int, late: bool, gone: int
) -> None:
    place, first = opened(run)
    killed(place, at, late=late)
    begun = place.begun(2, first)
    wanted = manifest(2, replicas=run.replicas)
    try:
        state = place.drive(begun, wanted).state
    except Killed:
        for _ in range(gone):
            place.wait(1)
        place.cluster.away = False
        noted = place.noted()
        going_on = noted if noted and noted.target.id == "p2" else begun
        try:
            state = drive(place.means(), going_on, wanted).state
        except FieldConflict:  # somebody has edited it before anything had changed
            assert place.seen.template == "p1"
            assert place.saved[-1].phase == "undone"
            return
    ended_well(place, run, state)


@settings(max_examples=30, deadline=None)
@given(RUNS, st.integers(1, 12))
def test_an_abort_at_any_moment_ends_with_what_served_serving_in_full(run: Run, turn: int) -> None:
    place, first = opened(run._replace(events={turn: "abort"}))
    state = place.deploy(2, first, replicas=run.replicas).state
    ended_well(place, run._replace(events={turn: "abort"}), state)
    if place.turns >= turn and state.answered:
        assert state.phase == "undone"
