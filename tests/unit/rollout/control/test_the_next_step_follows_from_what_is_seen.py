"""One step at a time: a state, what is seen, and what comes of both."""

from typing import Any

import msgspec
import pytest

from mlagent.core.verdict import check, verdict
from mlagent.rollout.actions import AskPods, Move, Pause, Remove, Resume
from mlagent.rollout.controller import Step, advance
from mlagent.rollout.reasons import GRACE_SECONDS, SETTLING_SECONDS, Limits
from mlagent.rollout.seen import RESTARTED, Answer, Edit, Fault, PodSeen, Seen
from mlagent.rollout.state import Ask, State
from tests.rollout_house import pods, release, state

NOW = "2026-01-02T03:04:05.000+00:00"
LIMITS = Limits(progress_seconds=60)
EDIT = Edit(who="kubectl-set", field="spec.template.spec.containers[name=server].image", when="2026-01-02T03:04:00Z")


def seen(template: str = "p2", made: tuple[PodSeen, ...] = pods("p2", 2), **changes: Any) -> Seen:
    """All of the second version and ready, unless it is said otherwise."""
    plain: dict[str, Any] = {"exists": True, "template": template, "settled": True, "wanted": 2, "pods": made}
    return Seen(**(plain | changes))


def answers(**changes: Answer) -> dict[str, Answer]:
    """Both pods of the second version say what they should."""
    right = Answer(version="2", model=release(2).onnx)
    return {one.name: right for one in pods("p2", 2)} | changes


def step(begun: State, what: Seen) -> Step:
    return advance(begun, what, LIMITS, NOW)


def moving(**changes: Any) -> State:
    return state(2, 1, **({"phase": "moving"} | changes))


def test_it_begins_by_applying_the_target() -> None:
    after, acts = step(state(2, 1, phase="begun"), seen("p1", pods("p1", 2)))
    assert (after.phase, after.since, acts) == ("moving", NOW, (Move("p2"),))


def test_a_move_that_has_not_come_about_is_repeated() -> None:
    assert step(moving(), seen("p1", pods("p1", 2)))[1] == (Move("p2"),)
    assert step(state(2, phase="moving"), Seen(exists=False))[1] == (Move("p2"),)


@pytest.mark.parametrize("template", ["p9", ""])
def test_where_something_else_is_there_nothing_is_touched(template: str) -> None:
    after, acts = step(state(2, 1, phase="begun"), seen(template, pods(template, 2)))
    assert (after.phase, acts) == ("undone", ())
    assert "nothing was changed" in after.reason


@pytest.mark.parametrize(
    "what",
    [
        seen(made=(*pods("p2", 2), *pods("p1", 1))),
        seen(made=pods("p2", 1, 1)),
        seen(made=pods("p2", 2), wanted=3),
        seen(settled=False),
        seen(made=(), wanted=0),
    ],
)
def test_pods_are_not_asked_before_all_that_is_wanted_is_the_targets_and_ready(what: Seen) -> None:
    assert step(moving(), what) == (moving(), ())


def test_then_each_pod_is_asked_and_only_then_it_is_done() -> None:
    asked, acts = step(moving(), seen(leaving=1))
    assert (asked.phase, acts) == ("checking", (AskPods(("risk-p2-0", "risk-p2-1")),))
    one = {"risk-p2-0": answers()["risk-p2-0"]}
    assert step(asked, seen(answers=one))[1] == (AskPods(("risk-p2-1",)),)
    assert step(asked, seen(answers=answers()))[0].phase == "done"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(version="1", model=release(2).onnx), "answers as version 1, not 2"),
        (Answer(version="2", model=release(1).onnx), f"serves model {release(1).onnx}, not"),
        (Answer(), "answers as version (none), not 2"),
    ],
)
def test_a_pod_that_serves_something_else_undoes_it(answer: Answer, said: str) -> None:
    after, acts = step(moving(phase="checking"), seen(answers=answers(**{"risk-p2-1": answer})))
    assert (after.phase, acts) == ("undoing", (Move("p1", force=True),))
    assert said in after.reason


@pytest.mark.parametrize("phase", ["moving", "checking", "paused"])
def test_a_fault_of_a_pod_of_the_target_undoes_it_in_every_phase(phase: str) -> None:
    bad = msgspec.structs.replace(pods("p2", 0, 1)[0], fault=Fault(what="crash-loop", said="exit code 3"))
    after, acts = step(moving(phase=phase), seen(made=(*pods("p1", 2), bad), paused=phase == "paused"))
    assert (after.phase, acts) == ("undoing", (Move("p1", force=True),))
    assert after.reason == "pod risk-p2-0: crash-loop: exit code 3"


def test_a_fault_of_what_served_before_undoes_nothing() -> None:
    bad = msgspec.structs.replace(pods("p1", 0, 1)[0], fault=Fault(what="crash-loop", said="exit code 3"))
    assert step(moving(kind="rollback"), seen(made=(*pods("p2", 1, 1), bad)))[0].phase == "moving"


def test_a_release_in_its_own_place_is_not_undone_for_a_fault_that_its_pods_are_over() -> None:
    over = msgspec.structs.replace(pods("p2", 1)[0], fault=Fault(what="out-of-memory", said="long ago"))
    again = state(2, 2, phase="moving")
    assert step(again, seen(made=(over,), wanted=1))[0].phase == "checking"


def test_an_edit_of_the_template_by_hand_undoes_it_and_is_named() -> None:
    after, acts = step(moving(), seen(edits=(EDIT,)))
    assert (after.phase, acts) == ("undoing", (Move("p1", force=True),))
    assert "kubectl-set has set spec.template.spec.containers[name=server].image at 2026-01-02" in after.reason


@pytest.mark.parametrize("field", ["spec.replicas", f"spec.template.metadata.annotations.{RESTARTED}"])
def test_any_other_edit_does_not(field: str) -> None:
    assert step(moving(), seen(edits=(Edit(who="kubectl", field=field),)))[0].phase == "checking"


def test_another_template_that_somebody_put_there_undoes_it() -> None:
    after, _ = step(moving(), seen("p9", pods("p9", 2)))
    assert (after.phase, "template p9" in after.reason) == ("undoing", True)


def test_a_bad_verdict_on_its_counters_undoes_it() -> None:
    bad = verdict("soak@staging", [check("error rate", 0.5, "<=", 0.01, samples=100)], inputs={}, tools={})
    after, _ = step(moving(), seen(made=(*pods("p1", 1), *pods("p2", 1)), judged=bad))
    assert (after.phase, "error rate" in after.reason) == ("undoing", True)


def test_the_clusters_own_deadline_undoes_it_with_what_was_in_the_way() -> None:
    late: dict[str, Any] = {
        "overdue": "ProgressDeadlineExceeded: timed out",
        "refused": "exceeded quota",
        "made": pods("p2", 0, 2),
    }
    after, _ = step(moving(), seen(**late, quiet_seconds=SETTLING_SECONDS))
    assert (after.phase, after.reason) == ("undoing", "ProgressDeadlineExceeded: timed out (exceeded quota)")
    assert step(moving(), seen(**late, quiet_seconds=0))[0].phase == "moving"
    assert step(moving(), seen(**late, quiet_seconds=SETTLING_SECONDS, settled=False))[0].phase == "moving"


def test_that_nobody_wants_a_pod_is_named() -> None:
    after, _ = step(moving(), seen(made=(), wanted=0, quiet_seconds=LIMITS.progress_seconds + GRACE_SECONDS + 1))
    assert after.reason.endswith("(no pods are wanted: its spec.replicas is 0)")


def test_of_a_pod_that_only_runs_and_is_not_ready_that_is_what_is_told() -> None:
    late = seen(made=pods("p2", 0, 1), overdue="ProgressDeadlineExceeded: timed out", quiet_seconds=SETTLING_SECONDS)
    assert step(moving(), late)[0].reason == "ProgressDeadlineExceeded: timed out (pod risk-p2-0 does not get ready)"


def test_where_the_cluster_keeps_no_deadline_ours_does_but_not_in_a_pause() -> None:
    late: dict[str, Any] = {"made": pods("p2", 1, 1), "quiet_seconds": LIMITS.progress_seconds + GRACE_SECONDS + 1}
    assert step(moving(), seen(**late))[0].phase == "undoing"
    assert step(moving(phase="paused"), seen(**late, paused=True)) == (moving(phase="paused"), ())


def test_a_pause_a_resume_and_an_abort_are_obeyed_once() -> None:
    def ask(what: Any, number: str) -> Seen:
        return seen(made=(*pods("p1", 1), *pods("p2", 1)), asked=Ask(what=what, who="Ada", id=number, reason="lunch"))

    paused, acts = step(moving(), ask("pause", "a"))
    assert (paused.phase, paused.reason, acts) == ("paused", "paused by Ada: lunch", (Pause(),))
    there = msgspec.structs.replace(ask("pause", "a"), paused=True)
    assert step(paused, there) == (paused, ())
    resumed, acts = step(paused, msgspec.structs.replace(ask("resume", "b"), paused=True))
    assert (resumed.phase, resumed.reason, acts) == ("moving", "", (Resume(),))
    assert step(resumed, ask("resume", "b")) == (resumed, ())
    aborted, acts = step(resumed, ask("abort", "c"))
    assert (aborted.phase, aborted.reason, acts) == ("undoing", "aborted by Ada: lunch", (Move("p1", force=True),))
    assert step(aborted, ask("pause", "d"))[0].phase == "undoing"


def test_an_abort_before_anything_changed_is_its_end() -> None:
    asked = seen("p1", pods("p1", 2), asked=Ask(what="abort", who="Ada", id="a"))
    after, acts = step(state(2, 1, phase="begun"), asked)
    assert (after.phase, after.reason, acts) == ("undone", "aborted by Ada", ())


def test_it_is_undone_when_what_served_before_serves_alone_again() -> None:
    undoing = moving(phase="undoing", reason="why")
    assert step(undoing, seen("p1", (*pods("p1", 2), *pods("p2", 0, 1)))) == (undoing, ())
    after, acts = step(undoing, seen("p1", pods("p1", 2), leaving=1))
    assert (after.phase, after.reason, acts) == ("undone", "why", ())


@pytest.mark.parametrize("what", [seen("p1", edits=(EDIT,)), seen("p1", paused=True), Seen(exists=False), seen("p9")])
def test_what_others_do_meanwhile_is_taken_back(what: Seen) -> None:
    assert step(moving(phase="undoing"), what)[1] == (Move("p1", force=True),)


def test_where_nothing_served_before_nothing_is_left() -> None:
    undoing = state(2, phase="undoing", reason="why")
    assert step(undoing, seen()) == (undoing, (Remove(),))
    assert step(undoing, Seen(exists=False, pods=pods("p2", 0, 1))) == (undoing, ())
    assert step(undoing, Seen(exists=False, leaving=1))[0].phase == "undone"
