"""One row a request, in full resolution, and the one module that knows the file of them (samples.npy).

intended  s     when it was due, from the common start
latency   s     from then until its answer was read whole
service   s     from when it was sent until then; nan for one that was never sent
lag       s     how much of the latency the meter itself was late to send it, while a user was free, or had been free
                if the meter had sent all before in time
status          HTTP status; 0 for no answer: refused, broken off, timed out, or still due when time was up
bytes           length of the answer's body
wrong           whether it was answered with a 2xx status, and not as expected
piece           of which piece of the request it was, from 0
worker          which meter process sent it, from 0
"""

import heapq
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlagent.core.files import write_whole
from mlagent.errors import InputError

DTYPE = np.dtype(
    [
        ("intended", "<f8"),
        ("latency", "<f8"),
        ("service", "<f8"),
        ("lag", "<f8"),
        ("status", "<i4"),
        ("bytes", "<i8"),
        ("wrong", "?"),
        ("piece", "<u2"),
        ("worker", "<u2"),
    ]
)

Samples = npt.NDArray[np.void]


class Shot(NamedTuple):
    """What was seen of one request; moments in seconds from the common start.

    `taken` is when a user was free for it; `done` is nan as long as it is under way.
    """

    taken: float
    sent: float
    done: float = float("nan")
    status: int = 0
    size: int = 0
    wrong: bool = False


def settle(
    moments: npt.NDArray[np.float64], shots: Sequence[Shot | None], deadline: float, *, users: int = 1
) -> Samples:
    """Turn a schedule, which `users` shared, and what was seen of its requests, one by one, into rows.

    What was due and did not end before `deadline` is not forgotten: it failed, and waited at least until then. Pieces
    and worker are 0.
    """
    rows = np.zeros(len(moments), DTYPE)
    rows["intended"], rows["service"] = moments, np.nan
    rows["latency"] = deadline - moments
    known = np.array([one is not None for one in shots] + [False] * (len(moments) - len(shots)), bool)
    if known.any():
        taken, sent, done, status, size, wrong = np.array([one for one in shots if one], dtype=np.float64).T
        done = np.where(np.isnan(done), deadline, done)
        due = moments[known]
        rows["latency"][known], rows["service"][known] = done - due, done - sent
        free = np.where(_all_busy(due, done - sent, users), np.maximum(due, taken), due)
        rows["lag"][known] = np.maximum(sent - free, 0)
        rows["status"][known], rows["bytes"][known], rows["wrong"][known] = status, size, wrong
    return rows


def _all_busy(due: npt.NDArray[np.float64], service: npt.NDArray[np.float64], users: int) -> npt.NDArray[np.bool_]:
    """Mark the requests for which no user would have been free, had each before been sent as soon as it could be."""
    busy, ends = list[bool](), [-np.inf] * users
    for moment, lasts in zip(due.tolist(), service.tolist(), strict=True):
        busy.append(ends[0] > moment)
        heapq.heapreplace(ends, max(ends[0], moment) + lasts)
    return np.array(busy, bool)


def join(parts: Sequence[Samples]) -> Samples:
    """All users' rows as one, by when they were due."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["intended"], kind="stable")]


def failed(samples: Samples) -> npt.NDArray[np.bool_]:
    """Mark what was not answered with a 2xx status."""
    answered: npt.NDArray[np.bool_] = samples["status"] // 100 == 2
    return ~answered


def sent(samples: Samples) -> npt.NDArray[np.float64]:
    """When each was sent, in seconds from the common start; nan for what never was."""
    moments: npt.NDArray[np.float64] = samples["intended"] + samples["latency"] - samples["service"]
    return moments


def write(path: Path, samples: Samples) -> None:
    """Write the file, whole or not at all; OSError as the system raises it."""
    file = io.BytesIO()
    np.save(file, samples, allow_pickle=False)
    write_whole(path, file.getvalue())


def read(path: Path) -> Samples:
    """Read the file; InputError when it is not one of ours."""
    try:
        rows = np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"the load test's samples cannot be read: {error}", hint="run the load test again") from error
    if rows.dtype != DTYPE or rows.ndim != 1:
        raise InputError(f"{path.name} does not hold a load test's samples", hint="run the load test again")
    found: Samples = rows
    return found
