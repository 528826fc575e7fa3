"""One row a request, in full resolution, and the one module that knows the file of them (samples.npy).

intended  s     when it was due, from the common start
latency   s     from then until its answer was read whole
lag       s     how much of that the meter itself was late to send it, while it waited on nothing
status          HTTP status; 0 for no answer: refused, broken off, timed out, or still due when time was up
bytes           length of the answer's body
wrong           whether it was answered with a 2xx status, and not as expected
"""

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
        ("lag", "<f8"),
        ("status", "<i4"),
        ("bytes", "<i8"),
        ("wrong", "?"),
    ]
)

Samples = npt.NDArray[np.void]


class Shot(NamedTuple):
    """What a user saw of one request; moments in seconds from the common start."""

    sent: float
    done: float
    status: int
    size: int
    wrong: bool = False


def settle(moments: npt.NDArray[np.float64], shots: Sequence[Shot], deadline: float) -> Samples:
    """Turn one user's schedule and shots (its first ones, in order) into rows.

    What was due and did not end before `deadline` is not forgotten: it failed, and waited at least until then.
    """
    rows = np.zeros(len(moments), DTYPE)
    rows["intended"] = moments
    rows["latency"] = deadline - moments
    if shots:
        sent, done, status, size, wrong = np.array(shots, dtype=np.float64).T
        fired = rows[: len(shots)]
        free = np.concatenate([[-np.inf], done[:-1]])  # a user asks one thing at a time
        fired["latency"] = done - fired["intended"]
        fired["lag"] = np.maximum(sent - np.maximum(fired["intended"], free), 0)
        fired["status"], fired["bytes"], fired["wrong"] = status, size, wrong
    return rows


def join(parts: Sequence[Samples]) -> Samples:
    """All users' rows as one, by when they were due."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["intended"], kind="stable")]


def failed(samples: Samples) -> npt.NDArray[np.bool_]:
    """Mark what was not answered with a 2xx status."""
    answered: npt.NDArray[np.bool_] = samples["status"] // 100 == 2
    return ~answered


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
