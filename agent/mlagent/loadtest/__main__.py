"""The load test's command: reads a request, measures, and leaves what it saw, or error.json; or works for another.

python -m mlagent.loadtest REQUEST.json
python -m mlagent.loadtest worker --master HOST:PORT [--token-file FILE] [--wait-seconds S] [--parent-pid PID]
"""

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
from mlagent.errors import Bug, InfrastructureError, MlagentError, UsageError, missing_package
from mlagent.loadtest import golden, orders
from mlagent.loadtest import request as requests
from mlagent.loadtest.progress import PROGRESS

SAMPLES, RESULT, ERROR = "samples.npy", "result.json", "error.json"
LATENCIES, PAGE = "latency.hlog", "locust.html"
WORKERS_SECONDS = 300  # for each step before the start that workers take
ROWS_PER_SECOND = 20_000  # that are surely gathered and written
GRACE_SECONDS = 30  # for starting and writing, on top of the measurement's own bound
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_USAGE = """usage: python -m mlagent.loadtest REQUEST.json
       python -m mlagent.loadtest worker --master HOST:PORT [--token-file FILE] [--wait-seconds S] [--parent-pid PID]
"""


def main(arguments: list[str]) -> int:
    """Do one request and give the exit status; signals end the process from within with 128 + n."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    if arguments[:1] == ["worker"]:
        return _work(arguments[1:])
    if len(arguments) != 1:
        sys.stderr.write(_USAGE)
        return Bug.exit_code
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


def _work(arguments: list[str]) -> int:
    """Work for a master until it is done, and give the exit status."""
    try:
        place = orders.read(arguments)
    except UsageError as error:
        sys.stderr.write(_USAGE)
        return _tell(error)
    try:
        from mlagent.loadtest import worker

        worker.serve(place)
    except Exception as error:  # noqa: BLE001  the last door
        return _tell(_named(error))
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
    """Check everything, then open Locust's room, measure, and write all files or none."""
    request = requests.read(path)
    files = [golden.load(Path(one)) for one in request.golden_files]
    _end_at_last(request)
    from mlagent.loadtest import hdr, result, run, samples, schedule

    moments = schedule.arrivals(users=request.users, pieces=request.pieces, seed=request.seed, kind=request.arrivals)
    found = run.measure(request, moments, files)
    jump = found.clock_jump_seconds
    said = result.summarise(
        request, found.samples, found.first_wrong, run.VERSION, meters=found.meters, clock_jump_seconds=jump
    )
    with _undisturbed():
        (output / PROGRESS).unlink(missing_ok=True)
        write_whole(output / PAGE, found.page.encode())
        hdr.write(output / LATENCIES, request, found.samples, found.began)
        samples.write(output / SAMPLES, found.samples)
        result.write(output / RESULT, said)


def _end_at_last(request: requests.Request) -> None:
    """Have the kernel end this process if it should ever hang; run.measure stops by itself long before."""
    starting = request.users / 100
    if request.workers or request.processes > 1:
        starting += WORKERS_SECONDS + (request.workers.wait_seconds if request.workers else 0)
    writing = sum(one.seconds * one.rate_per_second for one in request.pieces) / ROWS_PER_SECOND
    signal.alarm(int(starting + request.deadline + writing) + GRACE_SECONDS)


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
    for name in (SAMPLES, RESULT, ERROR, LATENCIES, PAGE, PROGRESS):
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
