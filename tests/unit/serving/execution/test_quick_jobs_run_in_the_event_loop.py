"""A thread would cost more than a quick job does; but the loop is never held up for long."""

import asyncio
from threading import get_ident

from mlagent.serving.execution import Runner
from tests.unit.serving.execution.fakes import Asked, Doubler, answered, plan, run


def test_a_quick_job_is_computed_in_the_next_turn_of_the_loop_and_in_its_thread() -> None:
    model, asked = Doubler(), Asked([1, 2])

    async def asks(runner: Runner) -> None:
        runner.submit(asked.job)
        assert runner.waiting == 1
        assert not asked.told
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asked.right
        assert runner.waiting == 0

    run(model, plan(inline_rows=4), asks)
    assert model.threads == {get_ident()}


def test_a_request_of_too_many_rows_for_the_loop_goes_to_a_thread() -> None:
    model, small, large = Doubler(), Asked([1, 2]), Asked([1] * 5)

    async def asks(runner: Runner) -> None:
        runner.submit(large.job)
        await answered(large)
        assert get_ident() not in model.threads
        runner.submit(small.job)
        await answered(small)
        assert get_ident() in model.threads

    run(model, plan(inline_rows=4), asks)
    assert small.right
    assert large.right


def test_jobs_of_one_turn_are_one_inference_and_each_gets_its_own_rows() -> None:
    model = Doubler()
    all_asked = [Asked([n, n + 0.5][: 1 + n % 2]) for n in range(1, 9)]

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
        await answered(*all_asked)

    run(model, plan(inline_rows=64, batch_rows=64), asks)
    assert model.calls == [12]
    assert all(one.right for one in all_asked)


def test_a_batch_is_never_of_more_rows_than_planned() -> None:
    model = Doubler()
    all_asked = [Asked([1, 2]) for _ in range(5)]

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
        await answered(*all_asked)

    run(model, plan(inline_rows=64, batch_rows=5), asks)
    assert model.calls == [4, 4, 2]


def test_what_an_answer_brings_along_is_computed_too() -> None:
    model, second = Doubler(), Asked([2])

    async def asks(runner: Runner) -> None:
        first = Asked([1], then=lambda: runner.submit(second.job))
        runner.submit(first.job)
        await answered(first, second)

    run(model, plan(inline_rows=64), asks)
    assert second.right


def test_many_jobs_leave_the_loop_a_turn_in_between() -> None:
    model = Doubler(seconds=0.0004)
    all_asked = [Asked([1]) for _ in range(100)]
    held_up = 0

    async def asks(runner: Runner) -> None:
        nonlocal held_up
        for one in all_asked:
            runner.submit(one.job)
        while not all(one.told for one in all_asked):
            before = len(model.calls)
            await asyncio.sleep(0)
            held_up = max(held_up, len(model.calls) - before)

    run(model, plan(inline_rows=64), asks)
    assert len(model.calls) == 100
    assert held_up <= 6


def test_a_window_collects_jobs_of_several_turns() -> None:
    model = Doubler()
    all_asked = [Asked([n]) for n in range(4)]

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
            await asyncio.sleep(0.005)
        await answered(*all_asked)

    run(model, plan(inline_rows=64, batch_rows=64), asks, window_seconds=0.2)
    assert model.calls == [4]


def test_a_window_is_over_when_the_inference_is_full() -> None:
    model = Doubler()
    all_asked = [Asked([n]) for n in range(5)]

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
        await answered(*all_asked, seconds=2.0)

    run(model, plan(inline_rows=64, batch_rows=4), asks, window_seconds=9.0)
    assert model.calls == [4, 1]


def test_an_answer_that_cannot_be_given_does_not_hold_up_the_others() -> None:
    def breaks() -> None:
        raise RuntimeError("the connection's own fault")

    model, broken, good = Doubler(), Asked([1], then=breaks), Asked([2])

    async def asks(runner: Runner) -> None:
        runner.submit(broken.job)
        runner.submit(good.job)
        await answered(good)

    run(model, plan(inline_rows=64, batch_rows=64), asks)
    assert good.right
