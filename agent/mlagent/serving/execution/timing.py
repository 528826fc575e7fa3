"""How long the model takes, and whether requests may share one inference of it: found out when the server starts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from mlagent.serving.execution.batching import joined
from mlagent.serving.execution.samples import made, rows_are_free, rows_tell
from mlagent.serving.metadata import Array, Model

BUDGET_SECONDS = 0.25  # for all of it: whoever starts a server waits
_SIZES = (2, 4, 8, 16, 32, 64)
_TIMES, _TIMES_SECONDS = 7, 0.03  # so often or so long: the quickest counts, the others were disturbed
_ENOUGH = 1.05  # a batch this near to the best a row is large enough
_CLOSE = 1e-4


class Timing(NamedTuple):
    """What was measured: `sizes` are (rows, seconds) of one inference, from one row on; none where it could not run.

    `sure` where the number of rows alone says how long it takes; `batchable` where a row's answer is the same whatever
    rows are beside it.
    """

    sizes: Sequence[tuple[int, float]]
    sure: bool
    batchable: bool

    def seconds(self, rows: int) -> float:
        """Estimate one inference of so many rows; infinite where nothing is known."""
        if not self.sizes:
            return float("inf")
        least, (last, most) = self.sizes[0][1], self.sizes[-1]
        more = (most - least) / (last - 1) if last > 1 else least
        return least + (rows - 1) * max(0.0, more)

    @property
    def best_rows(self) -> int:
        """Rows of the smallest batch that is nearly as cheap a row as any; 1 where batches must not be made."""
        if not self.batchable:
            return 1
        best = min(seconds / rows for rows, seconds in self.sizes)
        return next(rows for rows, seconds in self.sizes if seconds / rows <= best * _ENOUGH)


def measure(model: Model, budget_seconds: float = BUDGET_SECONDS) -> Timing:
    """Run the model on made-up rows, for about so many seconds; twice, and nothing together, if a row takes longer."""
    over = perf_counter() + budget_seconds
    names = [one.name for one in model.outputs]
    sure = rows_tell(model)
    for varied in (True, False):
        try:
            sizes = _sizes(model, names, over, varied=varied)
            apart = varied and rows_are_free(model) and sizes[0][1] < budget_seconds and _rows_are_apart(model, names)
            return Timing(sizes, sure, apart)
        except Exception:  # noqa: BLE001, S112  it takes no such values; perhaps plain ones
            continue
    return Timing((), sure=False, batchable=False)


def _sizes(model: Model, names: Sequence[str], over: float, *, varied: bool) -> Sequence[tuple[int, float]]:
    """Time growing batches, as long as they are cheaper a row and the next one does not take too long."""
    one = made(model.inputs, 1, varied=varied)
    sizes = [(1, _quickest(lambda: model(names, one), over))]
    for rows in _SIZES if rows_are_free(model) else ():
        if perf_counter() + 2 * sizes[-1][1] * rows / sizes[-1][0] > over:
            break
        sizes.append((rows, _quickest(partial(_together, model, names, [one] * rows), over)))
        if len(sizes) > 2 and sizes[-1][1] / rows * _ENOUGH > sizes[-3][1] / sizes[-3][0]:
            break  # larger ones would only take memory, which ONNX Runtime keeps
    return sizes


def _together(model: Model, names: Sequence[str], each: Sequence[Mapping[str, Array]]) -> None:
    """Large inputs may take longer to be joined than the model takes, so that is a part of it."""
    model(names, joined(each))


def _quickest(run: Callable[[], object], over: float) -> float:
    run()  # the first one of a shape asks for memory
    best, over = float("inf"), min(over, perf_counter() + _TIMES_SECONDS)
    for _ in range(_TIMES):
        begun = perf_counter()
        run()
        ended = perf_counter()
        best = min(best, ended - begun)
        if ended > over:
            break
    return best


def _rows_are_apart(model: Model, names: Sequence[str]) -> bool:
    """Whether two rows are answered together as they are alone."""
    both = made(model.inputs, 2, varied=True)
    together = model(names, both)
    alone = [model(names, {name: array[at : at + 1] for name, array in both.items()}) for at in (0, 1)]
    return all(
        len(found) == 2 and _close(found, np.concatenate([first, second]))
        for found, first, second in zip(together, *alone, strict=True)
    )


def _close(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool((one == other).all())
    return bool(np.allclose(one, other, rtol=_CLOSE, atol=_CLOSE, equal_nan=True))
