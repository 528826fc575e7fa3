"""A model that doubles, counts, sleeps and fails on demand; and jobs that remember what they were told."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from threading import get_ident

import numpy as np
import uvloop

from mlagent.serving.datatypes import BY_ONNX
from mlagent.serving.execution import Job, Plan, Runner, make
from mlagent.serving.execution.job import Results
from mlagent.serving.metadata import Array, Tensor

FLOAT = BY_ONNX["tensor(float)"]
BAD, WIDE = -1.0, 2
NEVER = float("inf")


class Doubler:
    """Doubles `x`; a row that begins with BAD fails all; sleeps so long a call, and so long a row."""

    inputs: Sequence[Tensor] = (Tensor("x", FLOAT, ("rows", WIDE)),)
    outputs: Sequence[Tensor] = (Tensor("y", FLOAT, ("rows", WIDE)), Tensor("sum", FLOAT, ("rows",)))

    def __init__(self, seconds: float = 0.0, a_row: float = 0.0) -> None:
        self.seconds, self.a_row = seconds, a_row
        self.calls: list[int] = []
        self.threads: set[int] = set()

    def __call__(self, outputs: Sequence[str], arrays: Mapping[str, Array]) -> Sequence[Array]:
        assert list(outputs) == ["y", "sum"]
        x = arrays["x"]
        self.calls.append(len(x))
        self.threads.add(get_ident())
        time.sleep(self.seconds + self.a_row * len(x))
        if (x[:, 0] == BAD).any():
            raise ValueError("a bad row")
        return [np.array(x, np.float32) * 2, np.array(x, np.float32).sum(axis=1)]


class Free(Doubler):
    """Lets requests choose the columns too."""

    inputs: Sequence[Tensor] = (Tensor("x", FLOAT, ("rows", "columns")),)
    outputs: Sequence[Tensor] = (Tensor("y", FLOAT, ("rows", "columns")), Tensor("sum", FLOAT, ("rows",)))


class Asked:
    """One job and what came back."""

    def __init__(
        self,
        values: Sequence[float],
        *,
        seconds: float = NEVER,
        columns: int = WIDE,
        then: Callable[[], object] = float,
    ) -> None:
        self.told: list[Results] = []
        self.left = False
        self.at = NEVER
        self._then = then
        self.values = values
        self.x = np.repeat(np.array(values, np.float32).reshape(-1, 1), columns, 1)
        self.begun = time.perf_counter()
        self.job = Job({"x": self.x}, len(values), self.begun + seconds, self._done, lambda: self.left)

    def _done(self, results: Results) -> None:
        self.told.append(results)
        self.at = time.perf_counter()
        self._then()

    @property
    def fault(self) -> type[BaseException] | None:
        """What kind of exception it was told, once."""
        assert len(self.told) == 1
        return type(self.told[0]) if isinstance(self.told[0], BaseException) else None

    @property
    def right(self) -> bool:
        """Whether its own rows were answered, once."""
        if self.fault:
            return False
        assert not isinstance(self.told[0], BaseException)
        y, total = self.told[0]
        return bool((y == self.x * 2).all() and (total == self.x.sum(axis=1)).all())


def plan(*, pool: int = 1, inline_rows: int = 0, batch_rows: int = 1, seconds: float = 0.0) -> Plan:
    """One process; by default nothing inline, nothing together."""
    return Plan(1, pool, 1, inline_rows, batch_rows, seconds)


def run(
    model: Doubler,
    how: Plan,
    asks: Callable[[Runner], Coroutine[None, None, None]],
    *,
    queue: int = 512,
    window_seconds: float = 0.0,
) -> None:
    """Have `asks` use a runner, in the event loop that the server has; no thread may be left."""

    async def within() -> None:
        runner = make(how, model, queue=queue, window_seconds=window_seconds)
        try:
            await asks(runner)
        finally:
            runner.close()

    uvloop.run(within())


async def answered(*asked: Asked, seconds: float = 5.0) -> None:
    """Wait until all have been told."""
    over = time.perf_counter() + seconds
    while not all(one.told for one in asked):
        assert time.perf_counter() < over, "not all were told"
        await asyncio.sleep(0.001)
