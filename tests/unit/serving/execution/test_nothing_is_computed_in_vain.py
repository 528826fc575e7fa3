"""Deadlines, clients that left, and queues that are full."""

import asyncio
import time

import pytest

from mlagent.serving.execution import Plan, Runner
from mlagent.serving.faults import Busy, Gone, Late
from tests.unit.serving.execution.fakes import Asked, Doubler, Free, answered, plan, run

INLINE, THREAD = plan(inline_rows=64, batch_rows=64), plan(batch_rows=64)


@pytest.mark.parametrize("how", [INLINE, THREAD], ids=["inline", "thread"])
def test_a_job_whose_client_left_or_whose_time_is_over_is_not_computed(how: Plan) -> None:
    model = Doubler()
    left, late, good = Asked([1]), Asked([2], seconds=-0.001), Asked([3])
    left.left = True

    async def asks(runner: Runner) -> None:
        for one in (left, late, good):
            runner.submit(one.job)
        await answered(left, late, good)
        for one in (left, late):  # alone, too
            again = Asked([1], seconds=-1)
            again.left = one.left
            runner.submit(again.job)
            await answered(again)
            assert again.fault is one.fault

    run(model, how, asks)
    assert (left.fault, late.fault) == (Gone, Late)
    assert good.right
    assert sum(model.calls) == 1


def test_a_deadline_that_passes_while_it_is_computed_is_told_at_once() -> None:
    model, asked = Doubler(seconds=0.3), Asked([1], seconds=0.05)
    begun = time.perf_counter()

    async def asks(runner: Runner) -> None:
        runner.submit(asked.job)
        await answered(asked)
        assert runner.running == 1
        await asyncio.sleep(0.35)
        assert runner.running == 0

    run(model, THREAD, asks)
    assert asked.fault is Late
    assert asked.at - begun < 0.25


def test_those_who_wait_behind_a_slow_job_are_told_when_it_is_too_late_or_they_left() -> None:
    model = Doubler(seconds=0.3)
    slow, late, left = Asked([1]), Asked([2], seconds=0.05), Asked([3])
    begun = time.perf_counter()

    async def asks(runner: Runner) -> None:
        runner.submit(slow.job)
        await asyncio.sleep(0.02)
        runner.submit(late.job)
        runner.submit(left.job)
        left.left = True
        await answered(late, left)
        assert runner.waiting == 0
        await answered(slow)

    run(model, THREAD, asks)
    assert (late.fault, left.fault) == (Late, Gone)
    assert max(late.at, left.at) - begun < 0.25
    assert slow.right
    assert model.calls == [1]


def test_what_comes_after_its_deadline_is_late_though_it_was_computed() -> None:
    model, asked = Doubler(seconds=0.02), Asked([1], seconds=0.01)

    async def asks(runner: Runner) -> None:
        runner.submit(asked.job)
        await answered(asked)

    run(model, THREAD, asks)
    assert asked.fault is Late


def test_more_than_may_wait_are_refused_with_the_seconds_that_the_queue_takes() -> None:
    model = Doubler(seconds=0.02)
    refused: list[str] = []

    async def asks(runner: Runner) -> None:
        for _ in range(2):
            some = [Asked([n]) for n in range(5)]
            runner.submit(some[0].job)
            await asyncio.sleep(0.005)
            for one in some[1:]:
                runner.submit(one.job)
            with pytest.raises(Busy) as busy:
                runner.submit(Asked([9]).job)
            refused.append(busy.value.headers["retry-after"])
            assert runner.waiting == 4
            await answered(*some)
            assert all(one.right for one in some)

    run(model, plan(seconds=0.5), asks, queue=4)
    assert refused == ["3", "1"]  # four wait and one is computed, of 0.5 s each as was thought; then it is known better


def test_quick_jobs_have_a_bound_too_and_a_second_is_the_least_to_wait() -> None:
    model, all_asked = Doubler(), [Asked([n]) for n in range(3)]

    async def asks(runner: Runner) -> None:
        for one in all_asked[:2]:
            runner.submit(one.job)
        with pytest.raises(Busy, match="ask again after 1 s"):
            runner.submit(all_asked[2].job)
        await answered(*all_asked[:2])

    run(model, INLINE, asks, queue=2)
    assert all(one.right for one in all_asked[:2])


def test_nothing_known_of_the_time_is_a_second_too() -> None:
    model, first, second = Free(seconds=0.1), Asked([1]), Asked([2])

    async def asks(runner: Runner) -> None:
        runner.submit(first.job)
        await asyncio.sleep(0.02)
        runner.submit(second.job)
        with pytest.raises(Busy, match="ask again after 1 s"):
            runner.submit(Asked([3]).job)
        await answered(first, second)

    run(model, plan(seconds=float("inf")), asks, queue=1)
    assert second.right
