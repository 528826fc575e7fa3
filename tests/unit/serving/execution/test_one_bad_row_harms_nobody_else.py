"""An inference of several requests that fails is done again, one by one."""

import pytest

from mlagent.serving.execution import Plan, Runner
from tests.unit.serving.execution.fakes import BAD, Asked, Doubler, answered, plan, run

INLINE, THREAD = plan(inline_rows=64, batch_rows=64), plan(batch_rows=64)


@pytest.mark.parametrize("how", [INLINE, THREAD], ids=["inline", "thread"])
def test_only_who_sent_the_bad_row_is_told_that_it_failed(how: Plan) -> None:
    model = Doubler()
    good, bad = [Asked([1]), Asked([2, 3]), Asked([4])], Asked([5, BAD])

    async def asks(runner: Runner) -> None:
        for one in (*good[:2], bad, good[2]):
            runner.submit(one.job)
        await answered(*good, bad)

    run(model, how, asks)
    assert all(one.right for one in good)
    assert bad.fault is ValueError


@pytest.mark.parametrize("how", [INLINE, THREAD], ids=["inline", "thread"])
def test_a_failure_alone_is_tried_once(how: Plan) -> None:
    model, bad, next_one = Doubler(), Asked([BAD]), Asked([1])

    async def asks(runner: Runner) -> None:
        runner.submit(bad.job)
        await answered(bad)
        runner.submit(next_one.job)
        await answered(next_one)

    run(model, how, asks)
    assert bad.fault is ValueError
    assert next_one.right
    assert model.calls == [1, 1]


def test_an_answer_without_a_row_for_each_row_is_not_shared_out() -> None:
    class Summary(Doubler):
        def __call__(self, outputs, arrays):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
            found = super().__call__(outputs, arrays)
            return [one[:1] for one in found] if len(arrays["x"]) > 1 else found

    model, all_asked = Summary(), [Asked([1]), Asked([2])]

    async def asks(runner: Runner) -> None:
        for one in all_asked:
            runner.submit(one.job)
        await answered(*all_asked)

    run(model, INLINE, asks)
    assert all(one.right for one in all_asked)
    assert model.calls == [2, 1, 1]
