"""While threads compute, health is answered; and they take what waits, together where that pays."""

import asyncio
import time
from threading import get_ident

from mlagent.serving.execution import Runner
from tests.unit.serving.execution.fakes import Asked, Doubler, Free, answered, plan, run


def test_the_loop_turns_while_a_slow_job_is_computed() -> None:
    model, asked = Doubler(seconds=0.2), Asked([1])
    turns = 0

    async def asks(runner: Runner) -> None:
        nonlocal turns
        runner.submit(asked.job)
        while not asked.told:
            await asyncio.sleep(0.001)
            turns += 1
            assert runner.running <= 1

    run(model, plan(), asks)
    assert asked.right
    assert turns > 50
    assert get_ident() not in model.threads


def test_as_many_are_computed_at_once_as_there_are_threads() -> None:
    model = Doubler(seconds=0.1)
    all_asked = [Asked([n]) for n in range(4)]
    most = 0

    async def asks(runner: Runner) -> None:
        nonlocal most
        for one in all_asked:
            runner.submit(one.job)
        while not all(one.told for one in all_asked):
            most = max(most, runner.running)
            await asyncio.sleep(0.005)

    run(model, plan(pool=2), asks)
    assert most == 2
    assert len(model.threads) == 2
    assert all(one.right for one in all_asked)


def test_a_free_thread_takes_what_waits_at_once_without_waiting_for_more() -> None:
    model = Doubler(seconds=0.1)
    first, others = Asked([0]), [Asked([n]) for n in range(1, 6)]

    async def asks(runner: Runner) -> None:
        runner.submit(first.job)
        await asyncio.sleep(0.05)
        for one in others:
            runner.submit(one.job)
        await answered(first, *others)

    run(model, plan(batch_rows=4), asks)
    assert model.calls == [1, 4, 1]
    assert all(one.right for one in [first, *others])


def test_threads_that_are_free_share_what_waits() -> None:
    model = Doubler(seconds=0.2)
    busy, others = [Asked([0]), Asked([0])], [Asked([n]) for n in range(1, 5)]

    async def asks(runner: Runner) -> None:
        for one in busy:
            runner.submit(one.job)
            await asyncio.sleep(0.02)
        model.seconds = 0.05
        for one in others:
            runner.submit(one.job)
        await answered(*busy, *others)

    run(model, plan(pool=2, batch_rows=4), asks)
    assert sorted(model.calls[:2]) == [1, 1]
    assert sum(model.calls) == 6
    assert all(one.right for one in [*busy, *others])


def test_jobs_of_other_shapes_are_not_computed_together() -> None:
    model = Free(seconds=0.05)
    first = Asked([0])
    others = [Asked([n], columns=columns) for n, columns in ((1, 3), (2, 3), (3, 2), (4, 3))]

    async def asks(runner: Runner) -> None:
        runner.submit(first.job)
        await asyncio.sleep(0.02)
        for one in others:
            runner.submit(one.job)
        await answered(first, *others)

    run(model, plan(batch_rows=8), asks)
    assert model.calls == [1, 2, 1, 1]
    assert all(one.right for one in others)


def test_a_window_lets_a_free_thread_wait_for_more_until_the_inference_is_full() -> None:
    model = Doubler()
    all_asked = [Asked([n]) for n in range(3)]
    begun = time.perf_counter()

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
            await asyncio.sleep(0.02)
        await answered(*all_asked)

    run(model, plan(batch_rows=3), asks, window_seconds=4.0)
    assert model.calls == [3]
    assert time.perf_counter() - begun < 2


def test_the_end_waits_for_what_is_computed_and_tells_the_others() -> None:
    model = Doubler(seconds=0.1)
    first, second = Asked([1]), Asked([2])

    async def asks(runner: Runner) -> None:
        runner.submit(first.job)
        await asyncio.sleep(0.05)
        runner.submit(second.job)
        runner.close()
        await answered(first, second)

    run(model, plan(), asks)
    assert first.right
    assert second.fault is not None
    assert model.calls == [1]
