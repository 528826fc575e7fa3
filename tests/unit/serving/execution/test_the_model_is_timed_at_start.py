"""Made-up rows tell how long an inference takes, and whether requests may share one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mlagent.serving.datatypes import DATATYPES
from mlagent.serving.execution import Timing, measure
from mlagent.serving.metadata import Array, Tensor
from tests.unit.serving.execution.fakes import FLOAT, Doubler, Free

EVERY = [Tensor(one.name, one, ("rows", 3)) for one in DATATYPES]


def test_it_says_how_long_a_row_and_more_of_them_take() -> None:
    timing = measure(Doubler(seconds=0.002, a_row=0.0005), 5.0)
    assert timing.sure
    assert timing.batchable
    assert timing.seconds(1) >= 0.0025
    assert timing.seconds(100) > 3 * timing.seconds(1)
    assert timing.best_rows >= 2


def test_a_slow_model_does_not_make_the_start_much_longer() -> None:
    model = Doubler(seconds=0.01, a_row=0.02)
    timing = measure(model, 0.06)
    assert timing.batchable
    assert max(model.calls) == 2  # those that show whether rows may be together
    assert timing.seconds(1) >= 0.03


class Wide(Doubler):
    """Takes a million numbers a row, and looks at none but the first."""

    inputs: Sequence[Tensor] = (Tensor("x", FLOAT, ("rows", 1 << 20)),)

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        return super().__call__(outputs, {"x": arrays["x"][:, :2]})


def test_what_takes_longer_to_be_joined_than_to_be_computed_is_not_joined() -> None:
    timing = measure(Wide(), 0.2)
    assert timing.batchable
    assert timing.best_rows == 1


def test_a_very_slow_model_is_run_twice_and_no_more() -> None:
    model = Doubler(seconds=0.05)
    timing = measure(model, 0.02)
    assert model.calls == [1, 1]
    assert not timing.batchable
    assert timing.seconds(1) >= 0.05


@pytest.mark.parametrize(
    ("sizes", "best"),
    [
        ([(1, 1.0), (2, 1.0), (4, 1.1), (8, 2.2)], 4),
        ([(1, 1.0), (2, 1.96), (4, 3.9)], 1),
        ([(1, 1.0)], 1),
    ],
)
def test_the_smallest_batch_that_is_nearly_the_cheapest_a_row_is_the_best(
    sizes: Sequence[tuple[int, float]], best: int
) -> None:
    assert Timing(sizes, sure=True, batchable=True).best_rows == best
    assert Timing(sizes, sure=True, batchable=False).best_rows == 1


def test_more_rows_than_were_tried_are_estimated_from_what_each_one_more_took() -> None:
    timing = Timing([(1, 0.010), (2, 0.012), (5, 0.018)], sure=True, batchable=True)
    assert timing.seconds(1) == pytest.approx(0.010)
    assert timing.seconds(11) == pytest.approx(0.030)
    assert Timing([(1, 0.010)], sure=True, batchable=False).seconds(3) == pytest.approx(0.030)
    assert Timing([(1, 0.010), (2, 0.009)], sure=True, batchable=True).seconds(90) == pytest.approx(0.010)
    assert Timing([], sure=False, batchable=False).seconds(1) == float("inf")


class Mean(Doubler):
    """Answers each row by all of them."""

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        y, total = super().__call__(outputs, arrays)
        return [y - np.array(y, np.float32).mean(axis=0), total]


class One(Doubler):
    """Takes a row at a time."""

    inputs: Sequence[Tensor] = (Tensor("x", FLOAT, (1, 2)),)
    outputs: Sequence[Tensor] = (Tensor("y", FLOAT, (1, 2)), Tensor("sum", FLOAT, (1,)))


class Square(Doubler):
    """Has as many columns as rows."""

    inputs: Sequence[Tensor] = (Tensor("x", FLOAT, ("n", "n")),)


class Scalar(Doubler):
    """Does not say that its answer has rows."""

    outputs: Sequence[Tensor] = (Tensor("y", FLOAT, ("rows", 2)), Tensor("sum", FLOAT, ()))


class Shorter(Doubler):
    """Answers other rows than it was asked."""

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        return [one[:1] for one in super().__call__(outputs, arrays)]


@pytest.mark.parametrize("model", [Mean(), One(), Square(), Scalar(), Shorter()], ids=lambda one: type(one).__name__)
def test_rows_that_cannot_be_together_are_not(model: Doubler) -> None:
    timing = measure(model, 0.1)
    assert not timing.batchable
    assert timing.best_rows == 1
    assert timing.seconds(1) < 0.1


def test_where_requests_choose_columns_rows_do_not_tell_the_time_but_may_be_together() -> None:
    timing = measure(Free(), 0.1)
    assert not timing.sure
    assert timing.batchable


class All:
    """Takes all there is, and gives it back."""

    inputs: Sequence[Tensor] = EVERY
    outputs: Sequence[Tensor] = EVERY

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        for tensor in self.inputs:
            assert arrays[tensor.name].dtype == tensor.datatype.dtype
            assert arrays[tensor.name].shape[1:] == (3,)
        return [arrays[name] for name in outputs]


class Known(All):
    """Fails on words that it does not know."""

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        if any(arrays["BYTES"].ravel() != ""):
            raise ValueError("no such word")
        return super().__call__(outputs, arrays)


class Never(All):
    """Takes nothing made up."""

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        raise ValueError(f"not this: {outputs}, {arrays}")


def test_every_kind_of_input_can_be_made_up() -> None:
    timing = measure(All(), 0.1)
    assert timing.sure
    assert timing.batchable


def test_words_that_a_model_refuses_are_left_out_and_then_nothing_is_together() -> None:
    timing = measure(Known(), 0.1)
    assert timing.seconds(1) < 0.1
    assert not timing.batchable


def test_a_model_that_takes_nothing_made_up_is_served_in_threads_row_by_row() -> None:
    timing = measure(Never(), 0.1)
    assert timing == Timing((), sure=False, batchable=False)
