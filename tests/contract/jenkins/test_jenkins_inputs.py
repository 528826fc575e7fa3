"""What every controller does with a question of a build: the double, and a real one where one is named."""

from collections.abc import Callable

import pytest

from mlagent.adapters.jenkins import builds, inputs
from mlagent.adapters.jenkins.controller import Controller, path
from mlagent.adapters.jenkins.inputs import Pending
from mlagent.errors import InputError
from tests.contract.jenkins.conftest import Place

ASKS = "input id: 'GoOn', message: 'go on?', parameters: [string(name: 'comment', defaultValue: '')]"
Made = Callable[[str], str]


def started(controller: Controller, job: str) -> int:
    item = builds.start(controller, job, {"reason": "a test"})
    return builds.number_of(controller, job, item)


def asked(controller: Controller, place: Place, job: str, number: int, name: str = "GoOn") -> Pending:
    """Wait for the question."""
    for _ in range(200):
        builds.look(controller, job, number)  # time passes in the double when somebody looks
        found = [one for one in inputs.pending(controller, job, number, [name]) if one.id == name]
        if found:
            return found[0]
        place.pause(0.3)
    raise AssertionError(name)


def result(controller: Controller, job: str, number: int) -> str:
    return builds.end_of(controller, builds.look(controller, job, number), lambda _: None).result


def test_what_waits_is_told_with_its_message_and_its_parameters(
    controller: Controller, place: Place, make: Made
) -> None:
    job = make(ASKS)
    number = started(controller, job)
    one = asked(controller, place, job, number)
    assert (one.build, one.message, one.parameters) == (number, "go on?", ("comment",))
    assert one.url.startswith(place.url)
    assert [each.id for each in inputs.waiting(controller, job)] == ["GoOn"]
    inputs.answer(controller, job, number, "GoOn", approve=True)


def test_who_approved_is_told_in_order_and_nothing_else_is(controller: Controller, place: Place, make: Made) -> None:
    job = make(f"{ASKS}\n{ASKS.replace('GoOn', 'GoFurther')}")
    number = started(controller, job)
    asked(controller, place, job, number)
    before = inputs.seen(controller, job, number, ["GoOn"])
    assert (before.approvers, before.pending, before.building) == ((), ("GoOn",), True)
    inputs.answer(controller, job, number, "GoOn", approve=True, comment="fine")
    asked(controller, place, job, number, "GoFurther")
    between = inputs.seen(controller, job, number, ["GoOn", "GoFurther"])
    assert (between.approvers, between.pending) == ((place.user,), ("GoFurther",))
    inputs.answer(controller, job, number, "GoFurther", approve=True)
    assert result(controller, job, number) == "SUCCESS"
    after = inputs.seen(controller, job, number)
    assert (after.approvers, after.pending, after.building) == ((place.user, place.user), (), False)


def test_of_a_rejection_no_approver_is_kept(controller: Controller, place: Place, make: Made) -> None:
    job = make(ASKS)
    number = started(controller, job)
    asked(controller, place, job, number)
    inputs.answer(controller, job, number, "GoOn", approve=False)
    assert result(controller, job, number) == "ABORTED"
    assert inputs.seen(controller, job, number).approvers == ()


def test_nor_is_one_of_a_question_whose_time_ran_out(controller: Controller, place: Place, make: Made) -> None:
    job = make("timeout(time: 3, unit: 'SECONDS') { " + ASKS + " }")
    number = started(controller, job)
    asked(controller, place, job, number)
    assert result(controller, job, number) == "ABORTED"
    assert inputs.seen(controller, job, number).approvers == ()


def test_a_build_that_is_stopped_waits_for_nothing_any_more(controller: Controller, place: Place, make: Made) -> None:
    job = make(ASKS)
    number = started(controller, job)
    asked(controller, place, job, number)
    controller.tell(f"{path(job)}{number}/stop", {}, {})
    assert result(controller, job, number) == "ABORTED"
    assert inputs.pending(controller, job, number) == ()
    assert inputs.waiting(controller, job) == ()


def test_what_waits_no_more_is_not_answered(controller: Controller, place: Place, make: Made) -> None:
    job = make(ASKS)
    number = started(controller, job)
    asked(controller, place, job, number)
    inputs.answer(controller, job, number, "GoOn", approve=True)
    with pytest.raises(InputError, match="does not wait for GoOn"):
        inputs.answer(controller, job, number, "GoOn", approve=True)


def test_who_started_it_is_told(controller: Controller, place: Place, make: Made) -> None:
    job = make("echo 'hello'")
    number = started(controller, job)
    found = inputs.started(controller, job, number)
    assert found.users == (place.user,)
    assert "UserIdCause" in found.kinds


def test_a_build_that_is_not_there_is_named(controller: Controller, make: Made) -> None:
    job = make("echo 'hello'")
    with pytest.raises(InputError, match=f"has no build 99 of {job}"):
        inputs.seen(controller, job, 99)
