"""The load test's command: reads a request, measures, and leaves samples.npy and result.json, or error.json."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from mlagent.core.files import write_whole
from mlagent.errors import Bug, InfrastructureError, MlagentError, missing_package
from mlagent.loadtest import golden
from mlagent.loadtest import request as requests

SAMPLES, RESULT, ERROR = "samples.npy", "result.json", "error.json"
GRACE_SECONDS = 30  # for starting and writing, on top of the measurement's own bound
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_USAGE = "usage: python -m mlagent.loadtest REQUEST.json\n"


def main(arguments: list[str]) -> int:
    """Do one request and give the exit status; signals end the process from within with 128 + n."""
    if len(arguments) != 1:
        sys.stderr.write(_USAGE)
        return Bug.exit_code
    for number in _SIGNALS:
        signal.signal(number, _stop)
    path = Path(arguments[0])
    try:
        output = requests.read_output(path)
    except MlagentError as error:
        return _tell(error)
    try:
        _clear(output)
        _do(path, output)
    except Exception as error:  # noqa: BLE001  the last door: nothing passes it untold
        return _fail(_named(error), output)
    return 0


def _named(error: Exception) -> MlagentError:
    """Find the expected end that an exception means; what is none is a bug, and is told with its traceback."""
    if isinstance(error, MlagentError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return missing_package(error.name or "?", "loadtest")
    if isinstance(error, OSError):
        hint = "look at the disk's free space and the folder's permissions, then try again"
        return InfrastructureError(f"the load test could not go on: {error}", hint=hint)
    traceback.print_exc()
    message = f"the load test failed: {type(error).__name__}: {error}"
    return Bug(message, hint="report it, with the traceback on stderr")


def _do(path: Path, output: Path) -> None:
    """Check everything, then open Locust's room, measure, and write both files or neither."""
    request = requests.read(path)
    rows = golden.read(Path(request.golden))
    _end_at_last(request)
    from mlagent.loadtest import result, run, samples, schedule

    moments = schedule.arrivals(users=request.users, pieces=request.pieces, seed=request.seed, kind=request.arrivals)
    found, first_wrong = run.measure(request, moments, rows)
    with _undisturbed():
        samples.write(output / SAMPLES, found)
        result.write(output / RESULT, result.summarise(request, found, first_wrong, run.VERSION))


def _end_at_last(request: requests.Request) -> None:
    """Have the kernel end this process if it should ever hang; run.measure stops by itself long before."""
    starting = request.users / 100
    signal.alarm(int(starting + request.scheduled_seconds + request.timeout_seconds) + GRACE_SECONDS)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait until the block is done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _clear(output: Path) -> None:
    """Remove what an earlier attempt left."""
    for name in (SAMPLES, RESULT, ERROR):
        (output / name).unlink(missing_ok=True)


def _fail(error: MlagentError, output: Path) -> int:
    """Leave error.json; a disk that refuses even that still gets the text on stderr."""
    said = {"category": error.category, "message": error.message, "hint": error.hint}
    try:
        write_whole(output / ERROR, msgspec.json.encode(said))
    except OSError as refused:
        sys.stderr.write(f"{ERROR} could not be written: {refused}\n")
    return _tell(error)


def _tell(error: MlagentError) -> int:
    sys.stderr.write(f"{error.message}\nhint: {error.hint}\n")
    return error.code


def _stop(number: int, _frame: FrameType | None) -> None:
    """End at once: nothing is half-written, for files appear by a rename and signals wait for it."""
    sys.stderr.write(f"stopped by {signal.Signals(number).name}\n")
    sys.stderr.flush()
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
