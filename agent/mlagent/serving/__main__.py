"""The server's command: `python -m mlagent.serving --model model.onnx --name digits`."""

import os
import signal
import sys
from types import FrameType

from mlagent.serving import options
from mlagent.serving.faults import CannotServe

_CANNOT_SERVE = 4
_NOT_INSTALLED = 3


def main(arguments: list[str]) -> int:
    """Serve until told to stop; 0 then, 2 for a wrong command line, 3 or 4 when it cannot start (said on stderr)."""
    given = options.parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until the server takes over: nothing is in flight yet
    try:
        from mlagent.serving import process

        return process.run(given, arguments)
    except ModuleNotFoundError as error:
        message = f"the Python package {error.name!r} is not installed: pip install 'mlagent[serve]'"
        return _tell(message, _NOT_INSTALLED)
    except CannotServe as error:
        return _tell(str(error), _CANNOT_SERVE)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _tell(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
