"""Whatever comes, of whatever size, in whatever order: each job is told once, and what is its own."""

import asyncio
import random

import pytest

from mlagent.serving.execution import Plan, Runner
from mlagent.serving.faults import Gone, Late
from tests.unit.serving.execution.fakes import BAD, Asked, Doubler, Free, answered, plan, run

PLANS = {
    "inline": plan(inline_rows=64, batch_rows=16),
    "threads": plan(pool=3, batch_rows=8),
    "both": plan(pool=2, inline_rows=2, batch_rows=8),
    "alone": plan(pool=2, inline_rows=2),
}


def _some(dice: random.Random, columns: int) -> Asked:
    values = [BAD if dice.random() < 0.03 else dice.randint(1, 99) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
    one = Asked(values, seconds=dice.choice([9.0] * 9 + [-0.1]), columns=columns)
    one.left = dice.random() < 0.05
    return one


@pytest.mark.parametrize("how", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("free", [False, True])
def test_each_of_many_is_told_once_what_is_its_own(how: Plan, free: bool) -> None:
    dice = random.Random(4)  # noqa: S311  any order will do, always the same
    model = (Free if free else Doubler)(a_row=0.00005)
    every = [_some(dice, dice.choice([2, 3]) if free else 2) for _ in range(150)]

    async def asks(runner: Runner) -> None:
        for one in every:
            runner.submit(one.job)
            if dice.random() < 0.3:
                await asyncio.sleep(dice.choice([0, 0.001]))
        await answered(*every)
        await asyncio.sleep(0.06)  # a sweep
        assert (runner.waiting, runner.running) == (0, 0)

    run(model, how, asks)
    for one in every:
        if one.left:
            assert one.fault is Gone
        elif one.job.deadline < one.begun:
            assert one.fault is Late
        elif BAD in one.values:
            assert one.fault is ValueError
        else:
            assert one.right
    assert max(model.calls) <= max(5, how.batch_rows)
