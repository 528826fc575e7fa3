"""The worker's command: reads a request, does it, and leaves either result.json or error.json."""

import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from mlagent.training import files, installed, requests
from mlagent.training.faults import EnvironmentFault, Fault, MachineFault
from mlagent.training.stopping import stop_on_signals

_OUTCOMES = ("result.json", "error.json")
_USAGE = "usage: python -m mlagent.training REQUEST.json"


def main(arguments: list[str]) -> int:
    """Do one request and give the exit status; signals end the process from within."""
    if len(arguments) != 1:
        sys.stderr.write(f"{_USAGE}\n")
        return Fault.exit_code
    try:
        values = requests.read(Path(arguments[0]))
        output = requests.output_of(values)
    except Fault as fault:
        return _tell(fault)
    stop_on_signals(output)
    return work(values, output)


def work(values: Mapping[str, object], output: Path) -> int:
    """Do a request that was read, and leave result.json or error.json in `output`; the exit status."""
    try:
        files.clear(output, _OUTCOMES)
        files.write_json(output / "result.json", _do(requests.parse(values)))
    except Fault as fault:
        return _fail(fault, output)
    except OSError as error:
        hint = "look at the disk's free space and the folder's permissions, then try again"
        return _fail(MachineFault(f"the worker could not write its output: {error}", hint=hint), output)
    except Exception as error:  # noqa: BLE001  the last door: whatever is left is a bug, and is told as one
        traceback.print_exc()
        message = f"the worker failed: {type(error).__name__}: {error}"
        return _fail(Fault(message, hint="report it, with the traceback on stderr"), output)
    return 0


def _do(request: requests.Request) -> dict[str, object]:
    """Open only the task's own room: importing torch takes a second, its exporter another."""
    try:
        if isinstance(request, requests.TrainRequest):
            from mlagent.training import train

            files.clear(request.output, train.OUTPUTS)
            installed.write(request.output)
            return train.train(request)
        if isinstance(request, requests.ScriptRequest):
            from mlagent.training import script

            files.clear(request.output, script.OUTPUTS)
            installed.write(request.output)
            return script.run(request)
        if isinstance(request, requests.RowsRequest):
            from mlagent.training import rows

            return rows.check(request)
        if isinstance(request, requests.OwnRequest):
            from mlagent.training import own

            files.clear(request.output, own.OUTPUTS)
            return own.take(request)
        from mlagent.training import export

        files.clear(request.output, export.OUTPUTS)
        return export.export(request)
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"the worker needs the Python package {error.name!r}, which is not installed in its environment",
            hint="pip install 'mlagent[worker]' there; `mlagent doctor` lists all that is missing",
        ) from error


def _fail(fault: Fault, output: Path) -> int:
    """Leave error.json; a disk that refuses even that still gets the text on stderr."""
    try:
        files.write_json(
            output / "error.json", {"category": fault.category, "message": fault.message, "hint": fault.hint}
        )
    except OSError as error:
        sys.stderr.write(f"error.json could not be written: {error}\n")
    return _tell(fault)


def _tell(fault: Fault) -> int:
    sys.stderr.write(f"{fault.trace}{fault.message}\nhint: {fault.hint}\n")
    return fault.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
