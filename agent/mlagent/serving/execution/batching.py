"""The arrays of several jobs as one, the results apart again, and one caller's bad row harmless to the others."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from time import perf_counter

import numpy as np

from mlagent.serving.execution.job import Job, Results
from mlagent.serving.metadata import Array

Compute = Callable[[Mapping[str, Array]], Sequence[Array]]
Fit = Callable[[Job, Job], bool]
Told = tuple[Job, Results]


def alike(one: Job, other: Job) -> bool:
    """Whether both fit into one inference: their arrays differ in the number of rows alone."""
    return all(
        mine.shape[1:] == theirs.shape[1:] and len(mine) == one.rows and len(theirs) == other.rows
        for mine, theirs in zip(one.arrays.values(), (other.arrays[name] for name in one.arrays), strict=True)
    )


def take(waiting: deque[Job], dropped: list[Told], rows: int, jobs: int, fit: Fit | None = None) -> list[Job]:
    """Take the next for one inference of up to so many rows and jobs, as long as they `fit` to the first of them.

    A job of more rows comes alone. Those that need not be computed are taken too, and told so in `dropped`.
    """
    batch: list[Job] = []
    now, held = perf_counter(), 0
    while waiting and len(batch) < jobs and (not batch or held + waiting[0].rows <= rows):
        if fit and batch and not fit(batch[0], waiting[0]):
            break
        job = waiting.popleft()
        why = job.needless(now)
        if why:
            dropped.append((job, why))
        else:
            batch.append(job)
            held += job.rows
    return batch


def joined(each: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
    """The rows of all, in their order."""
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def run(compute: Compute, jobs: Sequence[Job]) -> Sequence[Told]:
    """Compute the jobs, together where there are several; each with its results or its own exception."""
    if len(jobs) > 1:
        try:
            return list(zip(jobs, _together(compute, jobs), strict=True))
        except Exception:  # noqa: BLE001  whose fault it is, is found out one by one
            return [(job, _alone(compute, job)) for job in jobs]
    return [(job, _alone(compute, job)) for job in jobs]


def _alone(compute: Compute, job: Job) -> Results:
    if job.deadline < perf_counter() and (why := job.needless(perf_counter())):
        return why
    try:
        return compute(job.arrays)
    except Exception as error:  # noqa: BLE001  handed to who asked
        return error


def _together(compute: Compute, jobs: Sequence[Job]) -> Iterator[Sequence[Array]]:
    results = compute(joined([job.arrays for job in jobs]))
    ends = list(accumulate(job.rows for job in jobs))
    if any(len(result) != ends[-1] for result in results):
        raise ValueError("the model's answer has not a row for each row")
    starts = [0, *ends[:-1]]
    columns = [[result[start:end] for start, end in zip(starts, ends, strict=True)] for result in results]
    return zip(*columns, strict=True)
